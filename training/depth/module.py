"""How the network learns: relative distances first, their common factor a little.

Values: D. Eigen et al., NIPS 2014, and R. Ranftl et al., "Towards robust monocular depth
estimation", IEEE TPAMI 44(3), 2022, on logarithms: errors count once their common factor is taken
away. Differences between pixels, at several scales: Z. Li, N. Snavely, "MegaDepth", CVPR 2018; they
keep walls flat and borders sharp.
"""

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from serving.card import PhotoInput
from training.depth.config import DepthConfig
from training.depth.network import NEAREST_M, Served
from training.depth.truth import FARTHEST_M
from training.module import TaskModule

OUTPUTS = ("depth",)
_SCALES = 4
_FAR_M = FARTHEST_M - 0.01
_FAR_WEIGHT = 0.3  # of the sky: it is far, how far means nothing


class DepthModule(TaskModule):
    """A network behind its preprocessing, and how it learns; a batch is pixels and metres."""

    served: Served
    config: DepthConfig

    def __init__(self, served: Served, spec: PhotoInput, config: DepthConfig) -> None:
        super().__init__(served, spec, config, OUTPUTS)
        self.error = MeanMetric()

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        pixels, metres = batch
        loss = depth_loss(
            self.served.log_depth(pixels), metres, self.config.scale_share,
            self.config.gradient_share,
        )  # fmt: skip
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        pixels, metres = batch
        off = self.served.log_depth(pixels) - metres.clamp(min=NEAREST_M).log()
        off = off - off.flatten(1).median(dim=1).values[:, None, None]
        self.error((off.exp() - 1).abs().mean())
        self.log("val/abs_rel", self.error, prog_bar=True)


def depth_loss(found: Tensor, metres: Tensor, scale_share: float, gradient_share: float) -> Tensor:
    """Return the mean loss of a batch.

    Parameters
    ----------
    found : logarithms of metres, (n, h, w)
    metres : the truth, same shape
    scale_share : of what a common factor costs
    gradient_share : of what differences between neighbours cost, against values
    """
    weight = torch.where(metres > _FAR_M, _FAR_WEIGHT, 1.0)
    off = found - metres.clamp(min=NEAREST_M).log()
    total = weight.sum(dim=(1, 2), keepdim=True)
    common = (off * weight).sum(dim=(1, 2), keepdim=True) / total
    values = ((off - common).abs() * weight).sum() / weight.sum()
    return values + scale_share * common.abs().mean() + gradient_share * _gradients(off, weight)


def _gradients(off: Tensor, weight: Tensor) -> Tensor:
    """Return how much errors differ between neighbours, at halved sizes too."""
    total = off.new_zeros(())
    for scale in range(_SCALES):
        step = 2**scale
        small, share = off[:, ::step, ::step], weight[:, ::step, ::step]
        for dim in (1, 2):
            size = small.shape[dim] - 1
            apart = small.narrow(dim, 1, size) - small.narrow(dim, 0, size)
            both = torch.minimum(share.narrow(dim, 1, size), share.narrow(dim, 0, size))
            total = total + (apart.abs() * both).sum() / both.sum().clamp(min=1e-6)
    return total / _SCALES


def parts_of(spec: PhotoInput, net: nn.Module) -> Served:
    """Return the network behind the contract of its card."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    return Served(net, mean, std)
