"""Between bytes as pictures hold them and linear light (sRGB, IEC 61966-2-1)."""

import numpy as np
from numpy.typing import NDArray

from serving.image import Image

Light = NDArray[np.float32]


def _curve(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


_LINEAR: Light = _curve(np.arange(256) / 255).astype(np.float32)
_STEPS = 4096
_CODED = np.interp(np.linspace(0, 1, _STEPS + 1) ** 2, _LINEAR, np.arange(256.0)).astype(np.float32)


def to_linear(picture: Image) -> Light:
    """Return the light of a picture, 0..1, of the same shape."""
    found: Light = _LINEAR[picture]
    return found


def to_coded(light: Light) -> Light:
    """Return what bytes would hold of linear light, 0..255, not yet rounded."""
    at = np.sqrt(np.clip(light, 0, 1)) * np.float32(_STEPS)
    low = np.minimum(at.astype(np.int32), _STEPS - 1)
    part = at - low
    found: Light = _CODED[low] * (1 - part) + _CODED[low + 1] * part
    return found


def linear_of_hex(colour: str) -> tuple[float, float, float]:
    """Return a colour #rrggbb in linear light.

    Examples
    --------
    >>> linear_of_hex("#ff0000")
    (1.0, 0.0, 0.0)
    """
    red, green, blue = (float(_LINEAR[int(colour[at : at + 2], 16)]) for at in (1, 3, 5))
    return red, green, blue
