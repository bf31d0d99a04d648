"""What crosses to a model service and back: raw bytes between our processes, base64 in JSON."""

import time
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from serving.errors import BadInput, ModelFailed, ModelUnavailable
from serving.image import Image
from serving.models.rooms import TASK, Classified


class Pixels(BaseModel):
    """A photo's pixels: uint8 RGB, rows from the top, `height * width * 3` bytes."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    height: int = Field(gt=0)
    width: int = Field(gt=0)
    data: bytes
    _arrived: float = PrivateAttr(default_factory=time.monotonic)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickle; what arrived is new here, whatever the sender's clock says."""
        super().__setstate__(state)
        self._arrived = time.monotonic()

    def waited_s(self) -> float:
        """Return how long these pixels have been in this process."""
        return time.monotonic() - self._arrived

    @classmethod
    def of(cls, image: Image) -> Self:
        """Pack an image."""
        return cls(height=image.shape[0], width=image.shape[1], data=image.tobytes())

    def image(self) -> Image:
        """Unpack, without a copy; BadInput if the bytes are not of that size."""
        if len(self.data) != self.height * self.width * 3 or not self.data:
            raise BadInput(f"{len(self.data)} bytes are not {self.height}x{self.width} RGB pixels")
        return np.frombuffer(self.data, np.uint8).reshape(self.height, self.width, 3)


class RoomReply(BaseModel):
    """`Classified` for one photo, or what broke."""

    model_config = ConfigDict(frozen=True)

    classified: Classified | None = None
    error: str | None = None
    unavailable: bool = False

    @classmethod
    def of(cls, result: Classified | ModelFailed) -> Self:
        """Pack a result."""
        if isinstance(result, ModelFailed):
            return cls(error=str(result))
        return cls(classified=result)

    def result(self) -> Classified | ModelFailed:
        """Unpack; ModelUnavailable where the service has no model."""
        if self.unavailable:
            raise ModelUnavailable(TASK, self.error or "the service has none")
        return self.classified or ModelFailed(self.error or "no answer")
