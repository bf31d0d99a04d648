"""Learns `serving.photos.classify`: the same pixels in, logits of rooms out."""

import math

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from serving.card import PhotoInput
from training.loop.export import Served
from training.loop.loaders import Batch
from training.room_classifier.config import TrainingConfig


class RoomClassifier(L.LightningModule):
    """A backbone behind its preprocessing, and the one loop that trains it.

    Parameters
    ----------
    net : maps float32 (n, 3, side, side), normalised, to logits (n, labels)
    spec : the pixels' contract
    weights : of the classes in the loss, float32 (labels,)
    config : learning rate, smoothing and so on
    """

    weights: Tensor

    def __init__(
        self, net: nn.Module, spec: PhotoInput, weights: Tensor, config: TrainingConfig
    ) -> None:
        super().__init__()
        self.served = Served(net.to(memory_format=torch.channels_last), spec)
        self.config = config
        self.register_buffer("weights", weights, persistent=False)
        self.top1 = MulticlassAccuracy(num_classes=len(weights), average="micro")
        self.nll = MeanMetric()

    def forward(self, pixels: Tensor) -> Tensor:
        """Map uint8 (n, side, side, 3) to logits."""
        logits: Tensor = self.served(pixels)
        return logits

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

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.AdamW(
            parameter_groups(self, self.config.weight_decay), lr=self.config.learning_rate
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine(step, steps))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return what learns: decay for weights, none for biases and norms."""
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]


def cosine(step: int, steps: int, warmup: int = 50, floor: float = 0.01) -> float:
    """Return the learning rate's factor: up in `warmup` steps, down along a half cosine.

    Examples
    --------
    >>> [round(cosine(step, 1000), 2) for step in (0, 50, 500, 1000)]
    [0.02, 1.0, 0.55, 0.01]
    """
    warmup = min(warmup, max(1, steps // 10))
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


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
