"""What the crops of photos are asked for."""

from typing import Annotated

from pydantic import Field

from serving.requests.base import StrictModel
from serving.requests.photos import PhotoName

MOST_RATIOS = 12

Ratios = Annotated[
    list[Annotated[str, Field(max_length=20, examples=["1:1"])]],
    Field(max_length=MOST_RATIOS, description="width:height of each crop; unset: the usual five"),
]
Pixels = Annotated[int, Field(ge=1, le=20_000)]


class CropInput(StrictModel):
    """Photos to crop."""

    photos: Annotated[
        list[PhotoName],
        Field(
            min_length=1,
            description="keys or URLs",
            examples=[["listings/42/kitchen.jpg", "listings/42/bath.jpg"]],
        ),
    ]
    ratios: Ratios = Field(default_factory=list, examples=[["1:1", "9:16"]])
    min_width: Pixels = Field(1, description="pixels of the photo that each crop is to have")
    min_height: Pixels = 1
