"""What a training run may be told; the defaults make the model that is shipped."""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """A recipe for the room classifier.

    Attributes
    ----------
    backbone : any timm model
    weights : see `training.backbone.build_backbone`
    side : pixels a side of the model's input
    train_side : of the photos it learns from. Crops show rooms larger than whole photos do: a
        smaller side brings both to one scale (Touvron et al. 2019, arXiv:1906.06423), for less
    frozen_stages : stages of the backbone that keep their ImageNet weights
    fold_batchnorm : fold it into the convolutions before fine-tuning; 0.4x the time on a CPU
    epochs : of fine-tuning; 0 stops after the frozen-feature warm-up
    learning_rate : of AdamW at its peak; a cosine takes it to a hundredth
    balance : weight of a class in the loss is (mean count / its count) ** balance
    mixup : alpha of Beta(alpha, alpha) (Zhang et al. 2018, arXiv:1710.09412); 0 turns it off
    average_decay : of the moving average of the weights, which is what is kept
    confident_precision : share of right answers that `confident` promises, on validation
    photos_per_label : at most so many of each label and source, for a quick run
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "tf_efficientnet_lite0"
    weights: Literal["auto", "wheel", "hub", "none"] = "auto"
    side: int = Field(256, ge=32, le=1024)
    train_side: int = Field(224, ge=32, le=1024)
    frozen_stages: int = Field(3, ge=0)
    fold_batchnorm: bool = True
    dropout: float = Field(0.2, ge=0, lt=1)
    warmup_penalty: float = Field(3e-3, gt=0)
    epochs: int = Field(4, ge=0)
    batch_size: int = Field(32, gt=0)
    learning_rate: float = Field(3e-4, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    balance: float = Field(0.5, ge=0, le=1)
    mixup: float = Field(0.0, ge=0)
    average_decay: float = Field(0.99, ge=0, lt=1)
    confident_precision: float = Field(0.97, gt=0, le=1)
    seed: int = 0
    workers: int = Field(2, ge=0)
    accelerator: str = "auto"
    devices: int = Field(0, ge=0, description="0: all GPUs, or one CPU")
    photos_per_label: int | None = Field(None, gt=0)
    calibration_photos: int = Field(256, gt=0, description="for the ranges of int8")

    def digest(self) -> str:
        """Return eight hex digits that stand for these settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]
