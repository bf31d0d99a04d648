"""A photo that several models look at: read once, decoded once for all that need it alike."""

import hashlib
from functools import cached_property

from serving.budget import DECODING
from serving.image.array import Image
from serving.image.header import Header
from serving.image.jpeg import Markers
from serving.image.opening import decode_pixels, inspect


def hash_photo(data: bytes) -> str:
    """Return the SHA-256 of a photo's bytes: its name for caches and results."""
    return hashlib.sha256(data).hexdigest()


class PhotoFile:
    """A photo's bytes, and what was worked out of them so far. For one thread at a time.

    The pixels at one scale do not follow from those at another: libjpeg scales before it rounds.
    So that no model's answer depends on which others look at the photo, each has the pixels that
    it would have alone; they are decoded once for all who need the same scale.

    Parameters
    ----------
    data : the file
    max_pixels : width x height that is accepted
    sha256 : of the file, where it is known already

    Attributes
    ----------
    decodes : how often the file was decoded
    """

    def __init__(self, data: bytes, max_pixels: int, sha256: str = "") -> None:
        self.data, self._max_pixels, self._sha256 = data, max_pixels, sha256
        self._decoded: dict[tuple[int, int], Image] = {}
        self.decodes = 0

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the file: the photo's name for caches and results."""
        if not self._sha256:
            self._sha256 = hash_photo(self.data)
        return self._sha256

    @cached_property
    def _inspected(self) -> tuple[Header, Markers | None]:
        return inspect(self.data, self._max_pixels)

    @property
    def header(self) -> Header:
        """Return what the header says; BadImage if it is no photo, TooLarge if it is too large."""
        return self._inspected[0]

    @property
    def size(self) -> tuple[int, int]:
        """Return the height and width as looked at; raises as `header` does."""
        return self.header.height, self.header.width

    @property
    def nbytes(self) -> int:
        """Return the size of the file."""
        return len(self.data)

    def apart(self) -> "PhotoFile":
        """Return the same photo for another thread, not decoded."""
        return PhotoFile(self.data, self._max_pixels, self.sha256)

    def pixels(self, min_side: int = 0) -> Image:
        """Return the pixels as `serving.image.decode` does, not to be written to.

        Raises
        ------
        BadImage, TooLarge, Busy
            As `decode` does.
        """
        header, markers = self._inspected
        scale = header.scale(min_side)
        if scale not in self._decoded:
            with DECODING.hold(header.cost(min_side)):
                self._decoded[scale] = decode_pixels(self.data, header, markers, min_side)
            self.decodes += 1
        return self._decoded[scale]

    def release(self) -> None:
        """Forget the pixels: nothing limits how many photos wait for an answer with theirs."""
        self._decoded.clear()
