"""How the network learns: by the teacher's probabilities, and by what is true of rendered rooms.

G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", arXiv:1503.02531.
The Kullback-Leibler divergence is between groups of classes where the teacher knows fewer.
"""

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from serving.card import PhotoInput
from serving.perception.classes import CLASSES
from serving.perception.segment import STRIDE
from training.module import TaskModule
from training.segmenter.config import SegmenterConfig
from training.segmenter.mapping import HIDDEN
from training.segmenter.network import Served

OUTPUTS = ("ids", "logits")
_OTHER = CLASSES.index("other")
_HIDDEN = [CLASSES.index(name) for name in HIDDEN]


class SegmenterModule(TaskModule):
    """A network behind its preprocessing, and how it learns.

    A batch is pixels, probabilities of classes, and whether `other` in them is known to be none of
    our classes, as `training.segmenter.samples` makes them.
    """

    served: Served
    config: SegmenterConfig

    def __init__(self, served: Served, spec: PhotoInput, config: SegmenterConfig) -> None:
        super().__init__(served, spec, config, OUTPUTS)
        self.agreement = MeanMetric()

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        pixels, truth, known = batch
        planes = self.served.normalise(pixels)
        side = self.config.small_side
        first = self.config.small_share * self.trainer.estimated_stepping_batches
        if side < planes.shape[-1] and self.global_step < first:
            planes, truth = shrink(planes, truth, side)
        logits = self.served.net(planes)
        loss = distillation_loss(
            logits, truth, known, self.config.hard_share, self.config.least_agreement
        )
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
        pixels, truth, _known = batch
        logits = self.served.net(self.served.normalise(pixels))
        found = group_log_odds(logits).argmax(dim=1)
        self.agreement(group_truth(truth).argmax(dim=1).eq(found).float().mean())
        self.log("val/agreement", self.agreement, prog_bar=True)


def shrink(planes: Tensor, truth: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return pixels (n, 3, side, side) and probabilities (n, classes, side / 4, side / 4).

    A step at half the pixels costs half; what is fine is left to the last steps (H. Touvron et al.,
    "Fixing the train-test resolution discrepancy", arXiv:1906.06423, end larger, too).
    """
    small = nn.functional.interpolate(planes, size=(side, side), mode="area")
    cells = side // STRIDE
    return small, nn.functional.interpolate(truth, size=(cells, cells), mode="area")


def group_log_odds(logits: Tensor) -> Tensor:
    """Return logarithms of probabilities (n, classes, h, w) with what is hidden within `other`.

    What is hidden keeps its own value too: a group is not a class, and both can be asked for.
    """
    odds = logits.log_softmax(dim=1)
    other = odds[:, [_OTHER, *_HIDDEN]].logsumexp(dim=1, keepdim=True)
    return torch.cat([other, odds[:, 1:]], dim=1) if _OTHER == 0 else odds


def group_truth(truth: Tensor) -> Tensor:
    """Return true probabilities with what is hidden within `other` alone."""
    grouped = truth.clone()
    grouped[:, _OTHER] += grouped[:, _HIDDEN].sum(dim=1)
    grouped[:, _HIDDEN] = 0
    return grouped


def distillation_loss(
    logits: Tensor, truth: Tensor, known: Tensor, hard_share: float, least_agreement: float
) -> Tensor:
    """Return the mean over cells of divergence and cross-entropy.

    Parameters
    ----------
    logits : (n, classes, h, w)
    truth : probabilities of the same shape
    known : bool (n,): whether `other` in the truth is known to be none of the other classes
    hard_share : of the cross-entropy with the truth's best class
    least_agreement : of the truth's best probability; cells below count in proportion
    """
    whole = logits.log_softmax(dim=1)
    odds = torch.where(known[:, None, None, None], whole, group_log_odds(logits))
    soft = -(truth * odds).sum(dim=1)
    best, place = truth.max(dim=1)
    hard = -odds.gather(1, place[:, None])[:, 0]
    weight = (best / max(least_agreement, 1e-6)).clamp(max=1)
    loss = (1 - hard_share) * soft + hard_share * hard
    return (loss * weight).sum() / weight.sum().clamp(min=1e-6)


def parts_of(spec: PhotoInput, net: nn.Module) -> Served:
    """Return the network behind the contract of its card."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    return Served(net, mean, std)
