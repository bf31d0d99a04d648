"""Learns `serving.photos.classify`: the same pixels in, logits of rooms out."""

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from serving.card import PhotoInput
from training.loop.loaders import Batch
from training.loop.photos import Normalised
from training.module import TaskModule
from training.room_classifier.config import RoomConfig


class RoomClassifier(TaskModule):
    """A backbone behind its preprocessing, and how it learns.

    Parameters
    ----------
    net : maps float32 (n, 3, side, side), normalised, to logits (n, labels)
    spec : the pixels' contract
    weights : of the classes in the loss, float32 (labels,)
    config : learning rate, smoothing and so on
    """

    weights: Tensor
    served: Normalised
    config: RoomConfig

    def __init__(
        self, net: nn.Module, spec: PhotoInput, weights: Tensor, config: RoomConfig
    ) -> None:
        super().__init__(Normalised(net.to(memory_format=torch.channels_last), spec), spec, config)
        self.register_buffer("weights", weights, persistent=False)
        self.top1 = MulticlassAccuracy(num_classes=len(weights), average="micro")
        self.nll = MeanMetric()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        pixels, labels = batch
        targets = nn.functional.one_hot(labels, len(self.weights)).float()
        planes = self.served.normalise(pixels)
        if self.config.mixup:
            planes, targets = mix(planes, targets, self.config.mixup)
        loss = soft_cross_entropy(
            self.served.net(planes), targets, self.weights, self.config.label_smoothing
        )
        self.log("train/loss", loss, prog_bar=True, on_step=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        pixels, labels = batch
        logits = self(pixels)
        self.top1(logits, labels)
        self.nll(nn.functional.cross_entropy(logits, labels, reduction="none"))
        self.log("val/top1", self.top1, prog_bar=True)
        self.log("val/nll", self.nll, prog_bar=True)


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor, smoothing: float
) -> Tensor:
    """Return the mean cross-entropy with soft targets (n, labels), each row weighted by class."""
    smooth = targets * (1 - smoothing) + smoothing / targets.shape[1]
    per_photo = -(smooth * logits.log_softmax(dim=1)).sum(dim=1)
    return (per_photo * (targets @ weights)).mean()


def mix(planes: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Blend each photo and its target with another of the batch (mixup, arXiv:1710.09412)."""
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(len(planes), device=planes.device)
    return (
        share * planes + (1 - share) * planes[order],
        share * targets + (1 - share) * targets[order],
    )
