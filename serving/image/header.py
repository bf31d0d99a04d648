"""What is known of a photo before a pixel of it was decoded."""

from dataclasses import dataclass
from math import ceil

SMALLEST_SIDE = 16
_JPEG_SCALES = range(1, 9)
_COPIES = 3  # of the file: as it was shared, whole, and without its metadata
_WORKING_BYTES = 8 << 20  # what every decoder takes, however small the picture


@dataclass(frozen=True)
class Header:
    """What a file says about its picture, and what it takes to decode it.

    Attributes
    ----------
    format : one of `FORMATS`
    mode : as Pillow calls it or nearly: RGB, L, CMYK, RGBA, I;16 …
    width, height : as looked at, after the EXIF orientation
    orientation : EXIF's, 1..8
    held : bytes per pixel that its decoder holds, however small the picture is wanted
    file_bytes : of the file
    given : bytes per pixel of the picture as it is given, whole or small
    eighths : whether it is scaled by eighths in the DCT domain, rather than by whole numbers
    """

    format: str
    mode: str
    width: int
    height: int
    orientation: int
    held: float
    file_bytes: int
    eighths: bool = False
    given: float = 3.0

    @property
    def pixels(self) -> int:
        """Return width x height."""
        return self.width * self.height

    def shrink(self, min_side: int) -> int:
        """Return the whole number by which both sides may be divided and keep `min_side`."""
        return max(1, min(self.width, self.height) // min_side) if min_side > 0 else 1

    def eighth(self, min_side: int) -> int:
        """Return how many eighths of its size keep `min_side`, as libjpeg-turbo rounds: 1..8."""
        short = min(self.width, self.height)
        wanted = min_side if 0 < min_side < short else short
        return next(n for n in _JPEG_SCALES if ceil(short * n / 8) >= wanted)

    def scale(self, min_side: int) -> tuple[int, int]:
        """Return what the pixels depend on: needs of the same scale are served by one decode."""
        return self.eighth(min_side) if self.eighths else 8, self.shrink(min_side)

    def size_at(self, min_side: int) -> tuple[int, int]:
        """Return the width and height, about, in which the picture is given."""
        if not self.eighths:
            factor = self.shrink(min_side)
            return ceil(self.width / factor), ceil(self.height / factor)
        eighth = self.eighth(min_side)
        return ceil(self.width * eighth / 8), ceil(self.height * eighth / 8)

    def cost(self, min_side: int) -> int:
        """Return the bytes of memory that decoding takes at most, with the picture it gives.

        Never less than the pixels of the file: time goes with those.
        """
        width, height = self.size_at(min_side)
        turned = 2 if self.eighths and self.orientation > 1 else 1
        taken = self.held * self.pixels + turned * self.given * width * height
        return int(max(taken, self.pixels)) + _WORKING_BYTES + _COPIES * self.file_bytes
