"""What the upscaler's training may be told; the defaults make the model that is shipped."""

from pydantic import Field

from training.config import Dimension, TrainingConfig


class UpscalerConfig(TrainingConfig):
    """The settings of the upscaler's training."""

    epochs: int = Field(2, ge=0, description="passes over the training data")
    batch_size: int = Field(2, gt=0, description="photos a step, each with some crops")
    learning_rate: float = Field(1.5e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(0.0, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(0.995, ge=0, lt=1, description="of the average that is kept")
    channels: int = Field(24, gt=0, le=64, description="of the layers between")
    depth: int = Field(6, ge=1, le=16, description="convolutions between the first and the last")
    expansion: int = Field(
        4, ge=1, description="times as many channels within a convolution while it learns"
    )
    crops: int = Field(4, gt=0, description="of a photo each time that it is read")
    crop_side: int = Field(48, ge=16, description="of a crop before it is enlarged, px")
    compressed_share: float = Field(
        0.5, ge=0, le=1, description="of crops that went through a JPEG before they are enlarged"
    )
    least_quality: int = Field(70, ge=1, le=100, description="of those JPEGs")
    least_scale: float = Field(
        0.6, gt=0, le=1, description="to which photos are shrunk, which takes their own faults out"
    )
    large_repeats: int = Field(
        8, gt=0, description="times that a large photo is read for one that a small one is"
    )
    calibration_crops: int = Field(64, gt=0, description="for the ranges of int8")

    @property
    def architecture(self) -> str:
        """The network's name."""
        return f"plain{self.depth + 2}x{self.channels}-x2"


SMOKE = UpscalerConfig(
    epochs=1, photos_per_label=3, channels=8, depth=1, crop_side=24, calibration_crops=16
)
SPACE = (
    Dimension("learning_rate", low=5e-4, high=5e-3, log=True),
    Dimension("compressed_share", low=0.0, high=0.8),
    Dimension("least_scale", low=0.5, high=1.0),
)
