"""The sequence header of an AV1 stream, which a file repeats in front of it.

Encoders offer one before they have seen a picture, and SVT-AV1 turns more tools on after that: only
what stands in the stream is right.

Source: AV1 Bitstream & Decoding Process Specification, 5.3 (OBUs) and 4.10.5 (leb128).
"""

from collections.abc import Iterator

from serving.errors import StudioError

_SEQUENCE_HEADER = 1
_HAS_EXTENSION, _HAS_SIZE = 4, 2


class NoSequenceHeader(StudioError):
    """A stream does not begin with what a decoder has to know."""


def sequence_header(unit: bytes) -> bytes:
    """Return the sequence header of a temporal unit, as the unit has it.

    Raises
    ------
    NoSequenceHeader
        There is none, or the unit is cut short.
    """
    for kind, start, end in _blocks(unit):
        if kind == _SEQUENCE_HEADER:
            return unit[start:end]
    raise NoSequenceHeader("a temporal unit without a sequence header")


def _blocks(unit: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (kind, start, end) of the unit's OBUs."""
    at = 0
    while at < len(unit):
        head = unit[at]
        if not head & _HAS_SIZE:
            raise NoSequenceHeader("an OBU that does not say its size")
        size, body = _leb128(unit, at + (2 if head & _HAS_EXTENSION else 1))
        if body + size > len(unit):
            raise NoSequenceHeader("an OBU is cut short")
        yield head >> 3 & 15, at, body + size
        at = body + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of at most eight bytes, seven bits each, and where it ends."""
    value = 0
    for count, byte in enumerate(data[at : at + 8]):
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            return value, at + count + 1
    raise NoSequenceHeader("an OBU's size is cut short")
