"""What the training of photo quality may be told; the defaults make the model that is shipped."""

from pydantic import Field

from training.config import Dimension, TrainingConfig


class QualityConfig(TrainingConfig):
    """The settings of the training of photo quality."""

    epochs: int = Field(60, ge=0, description="passes over the samples")
    batch_size: int = Field(128, gt=0, description="samples a step")
    learning_rate: float = Field(3e-3, gt=0, description="of AdamW at its peak")
    weight_decay: float = Field(1e-3, ge=0, description="of AdamW, on weights alone")
    hidden: int = Field(160, gt=0, description="width of the hidden layers")
    dropout: float = Field(0.05, ge=0, lt=1, description="between them")
    samples: int = Field(
        8000, gt=0, description="photos made worse that are measured whole, at about 40 CPU-ms each"
    )
    light_per_photo: int = Field(
        9, ge=0, description="samples of each photo of which only light and colour are measured"
    )
    human_weight: float = Field(
        1.0, ge=0, description="of people's scores in the loss, beside the severities"
    )

    @property
    def architecture(self) -> str:
        """The network's name."""
        return "measured-features-mlp"


SMOKE = QualityConfig(epochs=3, samples=200, light_per_photo=1, photos_per_label=20)
SPACE = (
    Dimension("learning_rate", low=1e-3, high=1e-2, log=True),
    Dimension("weight_decay", low=1e-4, high=3e-2, log=True),
    Dimension("dropout", low=0.0, high=0.3),
)
