"""What the classification of photos is asked for."""

from typing import Annotated

from pydantic import Field

from serving.requests.base import NO_NUL, StrictModel


class ClassifyInput(StrictModel):
    """Photos to classify."""

    photos: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]],
        Field(min_length=1, examples=[["listings/42/kitchen.jpg", "listings/42/bath.jpg"]]),
    ]
