"""What a single clip is asked for."""

from typing import Any

from pydantic import Field

from serving.requests.base import StrictModel
from serving.requests.film import PhotoSpec
from serving.requests.format import Format


class ClipInput(StrictModel):
    """One photo as a clip of its own, kept for whoever asks for it again."""

    photo: PhotoSpec
    template: str | dict[str, Any] = "calm"
    length_s: float = Field(4.0, ge=0.5, le=30)
    format: Format = Format()
