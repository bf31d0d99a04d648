"""Ratios of sides that a crop may have, and the largest window of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serving.errors import BadInput

STANDARD = ("1:1", "4:5", "16:9", "9:16", "3:2")
_SIDE = r"[0-9]{1,5}(?:\.[0-9]{1,3})?"
_RATIO = re.compile(rf"({_SIDE}):({_SIDE})")
_EXTREME = 20.0  # beyond this a crop is a strip that shows nothing


@dataclass(frozen=True)
class Ratio:
    """Width to height.

    Attributes
    ----------
    name : as it was asked, such as `16:9`
    """

    name: str
    width: float
    height: float

    def window(self, height: int, width: int) -> tuple[int, int]:
        """Return (height, width) of the largest window in a photo; at least a pixel a side.

        Examples
        --------
        >>> read_ratio("16:9").window(1200, 1600)
        (900, 1600)
        >>> read_ratio("9:16").window(1, 1)
        (1, 1)
        """
        if width * self.height <= height * self.width:
            return max(1, min(height, round(width * self.height / self.width))), width
        return height, max(1, min(width, round(height * self.width / self.height)))


def read_ratios(names: Sequence[str]) -> tuple["Ratio", ...]:
    """Return the ratios that are asked, the usual ones if none are; BadInput."""
    return tuple(read_ratio(name.strip()) for name in names or STANDARD)


def read_ratio(text: str) -> Ratio:
    """Return the ratio that `W:H` says.

    Raises
    ------
    BadInput
        If it says none, or one beyond 20:1 or 1:20.

    Examples
    --------
    >>> read_ratio("1.91:1")
    Ratio(name='1.91:1', width=1.91, height=1.0)
    """
    match = _RATIO.fullmatch(text)
    if match is None:
        raise BadInput(f"'{text[:20]}' is no ratio: it is written as width:height, such as 16:9")
    width, height = float(match[1]), float(match[2])
    if not (width and height) or not 1 / _EXTREME <= width / height <= _EXTREME:
        raise BadInput(f"the ratio {text} is beyond {_EXTREME:g}:1 or 1:{_EXTREME:g}")
    return Ratio(text, width, height)
