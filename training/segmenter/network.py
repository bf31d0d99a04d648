"""The network: an EfficientNet's stages, brought together from coarse to fine.

T. Lin et al., "Feature pyramid networks for object detection", arXiv:1612.03144, with separable
convolutions, and the gate by the whole photo of LR-ASPP (A. Howard et al., arXiv:1905.02244).
"""

from typing import Any

import torch
from torch import Tensor, nn

from serving.perception.segment import STRIDE
from training.loop.backbone import build_backbone, fold_batchnorm, freeze_early

_STAGES = (1, 2, 4, 6)  # of EfficientNet: the last ones at strides 4, 8, 16 and 32


class _Block(nn.Module):
    """A separable convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip

    def forward(self, planes: Tensor) -> Tensor:
        found: Tensor = self.layers(planes)
        return found


class SegmentationNet(nn.Module):
    """Maps float32 (n, 3, h, w), normalised, to logits (n, classes, h / 4, w / 4).

    Parameters
    ----------
    encoder : an EfficientNet of timm; its classifier is not used
    """

    def __init__(self, encoder: nn.Module, classes: int, width: int) -> None:
        super().__init__()
        timm_net: Any = encoder
        self.stem = nn.Sequential(timm_net.conv_stem, timm_net.bn1)
        self.stages = timm_net.blocks
        counts = [_channels(self.stages[place]) for place in _STAGES]
        self.laterals = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, width, 1, bias=False), nn.BatchNorm2d(width))
            for count in counts
        )
        self.blocks = nn.ModuleList(_Block(width) for _ in counts)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(counts[-1], width, 1), nn.Sigmoid()
        )
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Return logits at a quarter of the input's size."""
        seen: list[Tensor] = []
        planes = self.stem(planes)
        for place, stage in enumerate(self.stages):
            planes = stage(planes)
            if place in _STAGES:
                seen.append(planes)
        found = self.blocks[-1](self.laterals[-1](seen[-1])) * self.gate(seen[-1])
        for place in range(len(seen) - 2, -1, -1):
            larger = nn.functional.interpolate(found, scale_factor=2.0, mode="bilinear")
            found = self.blocks[place](torch.relu(self.laterals[place](seen[place]) + larger))
        logits: Tensor = self.classifier(found)
        return logits


def _channels(stage: nn.Module) -> int:
    return [m.out_channels for m in stage.modules() if isinstance(m, nn.Conv2d)][-1]


class Served(nn.Module):
    """The network behind its contract: uint8 (n, h, w, 3) to ids uint8 (n, h, w) and logits."""

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bring uint8 (n, h, w, 3) to float32 (n, 3, h, w) on the network's scale."""
        return (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / self.std

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best class of each pixel, and the logits at a quarter of the size."""
        logits = self.net(self.normalise(pixels))
        full = nn.functional.interpolate(logits, scale_factor=float(STRIDE), mode="bilinear")
        return full.argmax(dim=1).to(torch.uint8), logits


def build_network(
    backbone: str, weights: str, classes: int, width: int, frozen_stages: int
) -> tuple[SegmentationNet, nn.Module]:
    """Return an untrained decoder over a pretrained encoder, and the encoder as timm made it."""
    encoder = build_backbone(backbone, 1, weights, dropout=0.0)
    fold_batchnorm(encoder.eval())
    freeze_early(encoder, frozen_stages)
    return SegmentationNet(encoder, classes, width), encoder
