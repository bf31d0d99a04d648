"""The Lightning module of every model that is trained here: what is served, how it is optimised."""

import math
from dataclasses import dataclass

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from serving.card import Input
from training.config import TrainingConfig
from training.devices import uses_gpu


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, and the contract of its input.

    Attributes
    ----------
    served : what is exported: takes the arrays of `spec` in their order
    outputs : names of what it returns
    """

    served: nn.Module
    spec: Input
    outputs: tuple[str, ...] = ("logits",)


class TaskModule(L.LightningModule):
    """A network behind the contract of its card, AdamW with a cosine around it.

    A model's own module adds `training_step` and `validation_step`.

    Parameters
    ----------
    served : takes the arrays of `spec` in their order, a batch first, and returns the outputs; it
        is what is exported, so all preprocessing is inside
    spec : the contract of the input
    config : learning rate, weight decay and so on
    outputs : names of what `served` returns, as in the ONNX graph
    """

    def __init__(
        self,
        served: nn.Module,
        spec: Input,
        config: TrainingConfig,
        outputs: tuple[str, ...] = ("logits",),
    ) -> None:
        super().__init__()
        self.served, self.spec, self.config, self.outputs = served, spec, config, outputs

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map a batch of inputs to the outputs."""
        found: Tensor = self.served(*inputs)
        return found

    def to_serve(self) -> nn.Module:
        """Return what is exported; a network that learns in another form is brought into its own.

        Takes what `served` takes, and gives the same.
        """
        return self.served

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.AdamW(
            parameter_groups(self, self.config.weight_decay),
            lr=self.config.learning_rate,
            fused=not uses_gpu(self.config),  # in 16 bits gradients could not be clipped
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
