"""What any training may be told; a model adds settings of its own."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Value = str | int | float | bool


class TrainingConfig(BaseModel):
    """The settings that every training has; the defaults make the model that is shipped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(4, ge=0, description="passes over the training data")
    batch_size: int = Field(32, gt=0, description="examples a step, on each device")
    learning_rate: float = Field(
        3e-4, gt=0, description="of AdamW at its peak; a cosine takes it to a hundredth"
    )
    weight_decay: float = Field(0.02, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(
        0.99, ge=0, lt=1, description="of the moving average of the weights, which is what is kept"
    )
    seed: int = Field(0, ge=0, description="of all that is drawn")
    workers: int = Field(
        2, ge=0, description="processes that read data, for each GPU; on a CPU none read beside it"
    )
    accelerator: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="`auto`: a GPU if there is one"
    )
    devices: int = Field(0, ge=0, description="0: all GPUs, or one CPU")
    photos_per_label: int | None = Field(
        None, gt=0, description="at most so many of each split, source and label, for a quick run"
    )

    @property
    def architecture(self) -> str:
        """The network's name, as its card says it."""
        return "own"

    def digest(self) -> str:
        """Return eight hex digits that stand for these settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched: between two bounds, or among some values.

    Attributes
    ----------
    name : of a setting of the recipe's configuration
    log : whether its magnitude is what matters, as for a learning rate
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
