"""How the upscaler learns: photos made half as large, and back."""

from typing import cast

from torch import Tensor, nn
from torchmetrics import MeanMetric

from serving.card import ArrayInput
from training.module import TaskModule
from training.upscaler.config import UpscalerConfig
from training.upscaler.network import SCALE, Served

OUTPUTS = ("upscaled",)
_BESIDE = 4  # px of the small crop at its borders, where it was shrunk with less around it

Batch = tuple[Tensor, Tensor]


class UpscalerModule(TaskModule):
    """The network around which the loop trains.

    A batch is small crops, uint8 (photos, crops, h, w, 3), and the large ones that they were.
    """

    def __init__(self, served: Served, spec: ArrayInput, config: UpscalerConfig) -> None:
        super().__init__(served, spec, config, OUTPUTS)
        self.error = MeanMetric()

    def to_serve(self) -> nn.Module:
        """Return the network with one convolution for each that learned as several."""
        return cast(Served, self.served).merged()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        error = self._error(batch).abs().mean()
        self.log("train/loss", error, prog_bar=True)
        return error

    def validation_step(self, batch: Batch, _: int) -> None:
        self.error(self._error(batch).square().mean())
        self.log("val/mean_square", self.error, prog_bar=True)

    def _error(self, batch: Batch) -> Tensor:
        small, large = (part.flatten(0, 1) for part in batch)
        made = cast(Served, self.served).enlarge(small)
        truth = large.permute(0, 3, 1, 2).to(made.dtype) / 255
        edge = SCALE * _BESIDE
        inner: Tensor = (made - truth)[..., edge:-edge, edge:-edge]
        return inner
