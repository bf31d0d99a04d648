"""The network: an EfficientNet's stages, brought together, and a head that looks from every cell.

A cell says how likely each label is there, and how far the four sides of its thing are: no anchor
boxes (Z. Tian et al., "FCOS: Fully convolutional one-stage object detection", arXiv:1904.01355).
The two heads share their weights over the strides; there is no score beside the labels'.
"""

import math

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from training.loop.backbone import Stages, build_backbone, fold_batchnorm, freeze_early

STRIDES = (8, 16, 32)
_STAGES = (2, 4, 6)  # of EfficientNet: the last ones at these strides
_RARE = 0.01  # how likely a label is at a cell before anything was learned


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(
        Conv2dNormActivation(width, width, 5, groups=width),
        Conv2dNormActivation(width, width, 1),
    )


class DetectionNet(nn.Module):
    """Maps float32 (n, 3, h, w), normalised, to logits (n, a, labels) and sides (n, a, 4).

    Sides are distances from the middle of a cell to left, top, right and bottom, in pixels.

    Parameters
    ----------
    encoder : an EfficientNet of timm; its classifier is not used
    """

    def __init__(self, encoder: nn.Module, labels: int, width: int) -> None:
        super().__init__()
        self.stages = Stages(encoder, _STAGES)
        counts = self.stages.channels
        self.inward = nn.ModuleList(Conv2dNormActivation(c, width, 1) for c in counts)
        self.down = nn.ModuleList(_separable(width) for _ in counts)
        self.up = nn.ModuleList(
            Conv2dNormActivation(width, width, 5, stride=2, groups=width) for _ in counts[1:]
        )
        self.label_head = nn.Sequential(_separable(width), _separable(width))
        self.side_head = nn.Sequential(_separable(width), _separable(width))
        self.label = nn.Conv2d(width, labels, 1)
        self.side = nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.label.bias, math.log(_RARE / (1 - _RARE)))  # type: ignore[arg-type] # there is one
        nn.init.constant_(self.side.bias, 1.0)  # type: ignore[arg-type] # there is one

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and sides of all cells, strides one after the other, rows first."""
        logits, sides = [], []
        for level, stride in zip(self._pyramid(planes), STRIDES, strict=True):
            logits.append(self.label(self.label_head(level)).flatten(2))
            apart = nn.functional.softplus(self.side(self.side_head(level))) * stride
            sides.append(apart.flatten(2))
        return torch.cat(logits, dim=2).transpose(1, 2), torch.cat(sides, dim=2).transpose(1, 2)

    def _pyramid(self, planes: Tensor) -> list[Tensor]:
        """Bring the stages together from coarse to fine and back."""
        stages = self.stages(planes)
        seen = [inward(stage) for inward, stage in zip(self.inward, stages, strict=True)]
        for place in (1, 0):
            larger = nn.functional.interpolate(seen[place + 1], scale_factor=2.0, mode="nearest")
            seen[place] = self.down[place](seen[place] + larger)
        for place in (1, 2):
            seen[place] = seen[place] + self.up[place - 1](seen[place - 1])
        seen[2] = self.down[2](seen[2])
        return seen


def cell_middles(side: int) -> Tensor:
    """Return x and y of the middle of each cell of a square frame, float32 (a, 2), in pixels."""
    grids = []
    for stride in STRIDES:
        at = (torch.arange(side // stride, dtype=torch.float32) + 0.5) * stride
        y, x = torch.meshgrid(at, at, indexing="ij")
        grids.append(torch.stack([x.flatten(), y.flatten()], dim=1))
    return torch.cat(grids)


def to_corners(middles: Tensor, sides: Tensor) -> Tensor:
    """Return left, top, right and bottom of distances (…, a, 4) from the cells' middles (a, 2)."""
    return torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], dim=-1)


class Served(nn.Module):
    """The network behind its contract: uint8 (n, h, w, 3) to `boxes` (n, 4 + labels, a).

    Middle, width and height in pixels of the frame, and a probability of each label: what
    `serving.perception.decoders` reads as `yolov8`.
    """

    mean: Tensor
    std: Tensor
    middles: Tensor

    def __init__(self, net: nn.Module, side: int, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        constants = {"mean": mean, "std": std, "middles": cell_middles(side)}
        for name, values in constants.items():
            self.register_buffer(name, values)
        self.net = net

    def look(self, pixels: Tensor, middles: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (n, a, labels) and corners (n, a, 4) of a frame with these cells."""
        planes = (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / self.std
        logits, sides = self.net(planes)
        return logits, to_corners(middles, sides)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return what is exported."""
        logits, corners = self.look(pixels, self.middles)
        start, end = corners[..., :2], corners[..., 2:]
        rows = torch.cat([(start + end) / 2, end - start, logits.sigmoid()], dim=2)
        return rows.transpose(1, 2)


def build_network(
    backbone: str, weights: str, labels: int, width: int, frozen_stages: int
) -> tuple[DetectionNet, nn.Module]:
    """Return an untrained head over a pretrained encoder, and the encoder as timm made it."""
    encoder = build_backbone(backbone, 1, weights, dropout=0.0)
    fold_batchnorm(encoder.eval())
    freeze_early(encoder, frozen_stages)
    return DetectionNet(encoder, labels, width), encoder
