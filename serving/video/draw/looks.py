"""Looks of a film as look-up tables made from a few parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.video.draw.grade import Lut, identity_lut
from serving.video.draw.rgba import Colour

Colours = NDArray[np.float64]

SIZE = 33  # what colourists exchange; finer is not visible in 8 bit
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709


@dataclass(frozen=True)
class Look:
    """A grade by numbers; all 0 changes nothing.

    Parameters
    ----------
    warmth : -1 (blue) .. 1 (orange)
    exposure : in stops
    contrast : -1 .. 1, around middle grey
    saturation : -1 (grey) .. 1; colours that are strong already get less of it
    lift : 0 .. 0.2, how grey black gets
    shadows, highlights : colours that dark and light tones lean to
    toning : 0 .. 1, how far
    """

    warmth: float = 0.0
    exposure: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    lift: float = 0.0
    shadows: Colour = (128, 128, 128)
    highlights: Colour = (128, 128, 128)
    toning: float = 0.0


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "warm": Look(warmth=0.35, exposure=0.06, contrast=0.1, saturation=0.06),
        "cool": Look(warmth=-0.3, contrast=0.12, saturation=-0.05),
        "film": Look(
            contrast=0.3,
            saturation=-0.08,
            lift=0.035,
            shadows=(104, 128, 140),
            highlights=(146, 130, 108),
            toning=0.8,
        ),
        "crisp": Look(warmth=-0.05, exposure=0.04, contrast=0.35, saturation=0.1),
        "bright": Look(warmth=0.05, exposure=0.45, contrast=0.12, saturation=0.18),
        "mono": Look(contrast=0.3, saturation=-1.0),
    }
)


def make_look(look: Look | str, size: int = SIZE) -> Lut:
    """Make the table of a look.

    Parameters
    ----------
    look : its numbers, or a name in `LOOKS`
    size : points per axis, 2..65

    Raises
    ------
    BadInput
        No look has that name.

    Notes
    -----
    White balance and exposure are gains on linear light, as a camera would apply them; highlights
    are rolled off, so a white wall keeps its drawing. Contrast, saturation and toning work on the
    sRGB-encoded values.

    Examples
    --------
    >>> red, green, blue = make_look("mono").table[32, 0, 0].tolist()
    >>> red == green == blue
    True
    """
    if isinstance(look, str):
        if look not in LOOKS:
            raise BadInput(f"no look is named '{look}'; there are {', '.join(LOOKS)}")
        look = LOOKS[look]
    colours = identity_lut(size).table.astype(np.float64)
    if look.warmth or look.exposure:
        colours = _encode(_roll_off(_decode(colours) * _gains(look), 2.0**look.exposure))
    colours = _bend(colours, look.contrast)
    colours = _saturate(colours, look.saturation)
    colours = _tone(colours, look)
    lifted = look.lift + (1 - look.lift) * colours
    return Lut(lifted.clip(0, 1).astype(np.float32))


def _gains(look: Look) -> Colours:
    """Return gains of red, green and blue that leave the light of a grey as it is."""
    gains = np.array([1 + 0.22 * look.warmth, 1.0, 1 - 0.28 * look.warmth])
    balanced: Colours = gains / (gains @ _LUMA)
    return balanced


def _roll_off(light: Colours, gain: float) -> Colours:
    """Multiply light by `gain`; what would pass white is bent so that white stays white."""
    raised = light * gain
    # the curve of slope `gain` at black through (1, 1): x g / (1 + x (g - 1))
    bent = raised / (1 + light.clip(0, None) * (gain - 1)) if gain > 1 else raised
    return bent.clip(0, 1)


def _bend(colours: Colours, contrast: float) -> Colours:
    """Mix in an S-curve for more contrast, and its inverse's slope for less."""
    steep = colours * colours * (3 - 2 * colours)
    bent: Colours = colours + contrast * (steep - colours)
    return bent


def _saturate(colours: Colours, amount: float) -> Colours:
    grey = (colours @ _LUMA)[..., None]
    if amount > 0:
        amount = amount * (1 - np.ptp(colours, axis=-1, keepdims=True))
    saturated: Colours = grey + (colours - grey) * (1 + amount)
    return saturated.clip(0, 1)


def _tone(colours: Colours, look: Look) -> Colours:
    grey = (colours @ _LUMA)[..., None].clip(0, 1)
    leans = np.array([look.shadows, look.highlights]) / 255
    leans = leans - (leans @ _LUMA)[:, None]  # a tint that keeps the light
    # black and white themselves stay neutral: 4 x (1 - x) is 0 there
    weight = look.toning * 4 * grey * (1 - grey)
    toned: Colours = colours + weight * ((1 - grey) * leans[0] + grey * leans[1])
    return toned.clip(0, 1)


def _decode(encoded: Colours) -> Colours:
    """From sRGB to linear light (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encode(light: Colours) -> Colours:
    """From linear light to sRGB (IEC 61966-2-1)."""
    bounded = light.clip(0, 1)
    return np.where(bounded <= 0.0031308, bounded * 12.92, 1.055 * bounded ** (1 / 2.4) - 0.055)
