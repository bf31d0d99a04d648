"""What a network is told about every cell: which thing it should see, and how well it does.

The cells that learn of a thing are those that already see it best: task alignment of C. Feng et
al., "TOOD: Task-aligned one-stage object detection", arXiv:2108.07755. Labels learn how well the
box fits, not only that it is there: the quality focal loss of X. Li et al., arXiv:2006.04388.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou_loss

_LABEL_POWER, _BOX_POWER = 1.0, 6.0  # of the alignment, as in TOOD
_IN_DOUBT = 0.5  # of a cell's box that a doubtful thing of the photo must cover


@dataclass(frozen=True)
class Truth:
    """What is known of one photo in a frame.

    Attributes
    ----------
    boxes : float32 (things, 4): left, top, right, bottom, in pixels of the frame
    labels : int64 (things,)
    weights : float32 (things,): how sure it is
    doubts : float32 (doubts, 4): where there may be anything or nothing
    known : bool (labels,): of which labels it is known where none is
    """

    boxes: Tensor
    labels: Tensor
    weights: Tensor
    doubts: Tensor
    known: Tensor


def detection_loss(
    logits: Tensor, corners: Tensor, middles: Tensor, truths: list[Truth], candidates: int
) -> tuple[Tensor, Tensor]:
    """Return the loss of labels and of boxes, each by the things that were there.

    Parameters
    ----------
    logits : (n, a, labels)
    corners : (n, a, 4) in pixels of the frame
    middles : (a, 2) of the cells
    """
    label_loss, box_loss, things = logits.sum() * 0, corners.sum() * 0, logits.new_tensor(0.0)
    for said, boxes, truth in zip(logits, corners, truths, strict=True):
        place, quality = assign(said.detach().sigmoid(), boxes.detach(), middles, truth, candidates)
        wanted = torch.zeros_like(said)
        learning = place >= 0
        seen = place[learning]
        wanted[learning, truth.labels[seen]] = quality[learning]
        counts = truth.known.expand_as(said).clone()
        counts[_doubtful(boxes.detach(), truth) & ~learning] = False
        label_loss = label_loss + (_focal(said, wanted) * counts).sum()
        if len(seen):
            apart = generalized_box_iou_loss(boxes[learning], truth.boxes[seen], reduction="none")
            box_loss = box_loss + (apart * quality[learning]).sum()
        things = things + quality.sum()
    things = things.clamp(min=1.0)
    return label_loss / things, box_loss / things


def assign(
    scores: Tensor, corners: Tensor, middles: Tensor, truth: Truth, candidates: int
) -> tuple[Tensor, Tensor]:
    """Return for each cell the thing that it learns of, or -1, and how well it may see it, 0..1.

    Parameters
    ----------
    scores : (a, labels), 0..1
    corners : (a, 4)
    """
    place = torch.full((len(scores),), -1, dtype=torch.int64)
    quality = torch.zeros(len(scores))
    if not len(truth.boxes):
        return place, quality
    x, y = middles[:, 0, None], middles[:, 1, None]
    left, top, right, bottom = truth.boxes.T
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    fits = box_iou(corners, truth.boxes)
    aligned = scores[:, truth.labels] ** _LABEL_POWER * fits**_BOX_POWER
    aligned = torch.where(inside, aligned + 1e-9, torch.zeros_like(aligned))
    best = aligned.topk(min(candidates, len(aligned)), dim=0)
    chosen = torch.zeros_like(inside).scatter_(0, best.indices, best.values > 0)
    fits_best, place_best = torch.where(chosen, fits + 1e-6, -torch.ones_like(fits)).max(dim=1)
    learning = fits_best > 0
    place[learning] = place_best[learning]
    # the best aligned cell of a thing is asked for as much as its box fits; others in proportion
    most = torch.where(chosen, aligned, torch.zeros_like(aligned)).amax(dim=0).clamp(min=1e-12)
    fit = torch.where(chosen, fits, torch.zeros_like(fits)).amax(dim=0)
    goal = (aligned / most * fit).gather(1, place_best[:, None])[:, 0].clamp(0, 1)
    quality[learning] = (goal * truth.weights[place_best])[learning]
    return place, quality


def _doubtful(corners: Tensor, truth: Truth) -> Tensor:
    """Say of each cell whether its box lies mostly within something doubtful."""
    if not len(truth.doubts):
        return torch.zeros(len(corners), dtype=torch.bool)
    start = torch.maximum(corners[:, None, :2], truth.doubts[None, :, :2])
    end = torch.minimum(corners[:, None, 2:], truth.doubts[None, :, 2:])
    shared = (end - start).clamp(min=0).prod(dim=2)
    area = (corners[:, 2:] - corners[:, :2]).clamp(min=1e-3).prod(dim=1)
    return (shared / area[:, None]).amax(dim=1) > _IN_DOUBT


def _focal(logits: Tensor, wanted: Tensor) -> Tensor:
    cross = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return cross * (wanted - logits.sigmoid()).abs().pow(2)
