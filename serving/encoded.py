"""Maps and pictures of answers: as the bytes of a file, never as numbers in JSON."""

import base64
import io
import zlib
from typing import Annotated, Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from serving.errors import BadInput

MediaType = Literal["image/png", "image/webp", "application/x-npy+deflate"]
_WEBP_QUALITY = 90
_DEFLATE_LEVEL = 6


def _from_base64(value: object) -> object:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


Bytes = Annotated[
    bytes, BeforeValidator(_from_base64), PlainSerializer(_to_base64, when_used="json")
]


class Encoded(BaseModel):
    """A map or a picture within an answer; a large one lies in the object storage instead.

    Attributes
    ----------
    data : the file; empty where `key` says in which object it lies
    sha256 : of the file
    """

    model_config = ConfigDict(frozen=True)

    media_type: MediaType
    data: Bytes = b""
    key: str = ""
    sha256: str = ""

    @classmethod
    def of_map(cls, values: NDArray[Any]) -> Self:
        """Encode a value for every pixel without loss: whole numbers as PNG, others deflated.

        Parameters
        ----------
        values : bool, uint8 or uint16 (height, width), or floats of any shape
        """
        if values.dtype == np.bool_:
            values = values.astype(np.uint8)
        if values.dtype in (np.uint8, np.uint16) and values.ndim == 2:
            return cls(media_type="image/png", data=_encode(".png", values))
        file = io.BytesIO()
        np.save(file, np.ascontiguousarray(values), allow_pickle=False)
        data = zlib.compress(file.getvalue(), _DEFLATE_LEVEL)
        return cls(media_type="application/x-npy+deflate", data=data)

    @classmethod
    def of_picture(cls, image: NDArray[np.uint8], lossless: bool = False) -> Self:
        """Encode uint8 RGB (height, width, 3): as WebP, or without loss as PNG."""
        turned = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
        if lossless:
            return cls(media_type="image/png", data=_encode(".png", turned))
        quality = [cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY]
        return cls(media_type="image/webp", data=_encode(".webp", turned, quality))

    def array(self) -> NDArray[Any]:
        """Decode; RGB of a picture. BadInput if the file is not what it says, or lies elsewhere."""
        if not self.data:
            raise BadInput(f"the {self.media_type} lies in the object '{self.key}'")
        if self.media_type == "application/x-npy+deflate":
            try:
                return np.asarray(np.load(io.BytesIO(zlib.decompress(self.data))))
            except (zlib.error, ValueError, EOFError, OSError) as error:
                raise BadInput(f"the {self.media_type} is damaged: {error}") from error
        found = cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_UNCHANGED)
        if found is None:
            raise BadInput(f"the {self.media_type} is damaged")
        return cv2.cvtColor(found, cv2.COLOR_BGR2RGB) if found.ndim == 3 else found


def _encode(kind: str, values: NDArray[Any], options: list[int] | None = None) -> bytes:
    done, data = cv2.imencode(kind, values, options or [])
    if not done:
        raise BadInput(f"an array of {values.dtype} {values.shape} is not encoded as {kind}")
    return data.tobytes()
