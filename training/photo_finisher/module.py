"""How the finisher learns: by how near its curves bring a photo to what it was.

The root of each photo's mean square error counts. Its logarithm, which is what versions are
compared by, would count a level more of a good photo as much as all that a bad one lacks, and a
network that learns by it changes nothing.
"""

from typing import cast

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from serving.card import PhotoInput
from training.module import TaskModule
from training.photo_finisher.config import FinisherConfig
from training.photo_finisher.network import Served, follow

OUTPUTS = ("curves",)
_LEAST = 1e-6  # of a mean square error, so that its root has a slope

Batch = tuple[Tensor, Tensor]


class FinisherModule(TaskModule):
    """A network behind its contract; a batch is spoilt photos and what they were, uint8."""

    def __init__(self, served: Served, spec: PhotoInput, config: FinisherConfig) -> None:
        super().__init__(served, spec, config, OUTPUTS)
        self.decibels = MeanMetric()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        loss = self._errors(batch).sqrt().mean()
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        self.decibels(-10 * self._errors(batch).log10().mean())
        self.log("val/psnr", self.decibels, prog_bar=True)

    def _errors(self, batch: Batch) -> Tensor:
        """Return each photo's mean square error, of levels 0..1."""
        spoilt, clean = batch
        curves = cast(Served, self.served).propose(spoilt)
        levels, truth = (part.flatten(1, 2).to(torch.float32) / 255 for part in (spoilt, clean))
        made = follow(curves, levels)
        # what lies beyond white or black is held there, and still pulled back
        held = made + (made.clamp(0, 1) - made).detach()
        return (held - truth).square().mean(dim=(1, 2)) + _LEAST
