"""What the finisher's training may be told; the defaults make the model that is shipped."""

from pydantic import Field

from training.config import Dimension, TrainingConfig


class FinisherConfig(TrainingConfig):
    """The settings of the finisher's training."""

    epochs: int = Field(80, ge=0, description="passes over the training data")
    batch_size: int = Field(32, gt=0, description="photos a step")
    learning_rate: float = Field(2e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(0.01, ge=0, description="of AdamW, on weights alone")
    average_decay: float = Field(0.99, ge=0, lt=1, description="of the average that is kept")
    side: int = Field(128, ge=32, le=512, multiple_of=32, description="of the model's input, px")
    width: int = Field(16, gt=0, description="channels of the first convolution")
    points: int = Field(33, ge=5, le=129, description="of each curve")
    least_crop: float = Field(0.4, gt=0, le=1, description="of a photo's area that a crop has")
    untouched_share: float = Field(
        0.15, ge=0, le=1, description="of photos to which nothing was done: they are to stay"
    )
    checked_photos: int = Field(32, gt=0, description="by which the export is compared")

    @property
    def architecture(self) -> str:
        """The network's name."""
        return f"curves{self.points}x{self.width}"


SMOKE = FinisherConfig(epochs=1, photos_per_label=4, side=64, width=8, points=9, batch_size=8,
                       checked_photos=8)  # fmt: skip
SPACE = (
    Dimension("learning_rate", low=5e-4, high=5e-3, log=True),
    Dimension("untouched_share", low=0.05, high=0.4),
    Dimension("width", choices=(12, 16, 24)),
)
