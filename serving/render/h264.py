"""The few fields of an H.264 stream that tie a picture to the ones before it.

Source: Rec. ITU-T H.264 (08/2021): NAL units 7.3.1, parameter sets 7.3.2.1, slice headers 7.3.3.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from serving.errors import StudioError

_SLICE, _IDR, _PARAMETERS = 1, 5, 7
_HIGH = (100, 110, 122, 244)  # profiles whose parameter sets name chroma and bit depth
_START = re.compile(rb"\x00?\x00\x00\x01")


class UnknownStream(StudioError):
    """The stream uses what our encoder never writes."""


@dataclass(frozen=True)
class Counters:
    """How many bits a slice header has for its counters; `order_bits` is 0 without order counts."""

    frame_bits: int
    order_bits: int


class _Bits:
    """Reads a payload bit by bit."""

    def __init__(self, payload: bytes, at: int = 0) -> None:
        self._value, self._size, self.at = int.from_bytes(payload), 8 * len(payload), at

    def take(self, count: int) -> int:
        self.at += count
        if self.at > self._size:
            raise UnknownStream("a NAL unit ends within its header")
        return self._value >> (self._size - self.at) & ((1 << count) - 1)

    def golomb(self) -> int:
        """Return an unsigned Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def read_counters(header: bytes) -> Counters:
    """Read the parameter set in a codec's header (Annex B).

    Raises
    ------
    UnknownStream
        Interlaced, with scaling matrices, or with another kind of order count.
    """
    sets = [unit for unit in split_units(header) if unit[0] & 31 == _PARAMETERS]
    if not sets:
        raise UnknownStream("the codec's header has no parameter set")
    unit = sets[0]
    bits = _Bits(_unescape(unit)[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    if profile in _HIGH:
        if bits.golomb() != 1 or bits.golomb() or bits.golomb():
            raise UnknownStream("not 8-bit 4:2:0")
        if bits.take(2):
            raise UnknownStream("lossless, or with scaling matrices")
    frame_bits = bits.golomb() + 4
    kind = bits.golomb()
    if kind not in (0, 2):
        raise UnknownStream(f"picture order count of type {kind}")
    order_bits = bits.golomb() + 4 if kind == 0 else 0
    bits.golomb()
    bits.take(1)
    bits.golomb()
    bits.golomb()
    if not bits.take(1):
        raise UnknownStream("interlaced")
    return Counters(frame_bits, order_bits)


def split_units(packet: bytes) -> list[bytes]:
    """Return a packet's NAL units, each of which follows a start code."""
    return [unit for unit in _START.split(packet) if unit]


def join_units(units: Iterable[bytes]) -> bytes:
    """Return NAL units as a packet."""
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in units)


def is_reference(packet: bytes) -> bool:
    """Say whether later pictures may refer to this one."""
    return any(unit[0] & 31 in (_SLICE, _IDR) and unit[0] >> 5 & 3 for unit in split_units(packet))


def frame_number(packet: bytes, counters: Counters) -> int:
    """Return the `frame_num` of a packet's first slice."""
    for unit in split_units(packet):
        if unit[0] & 31 in (_SLICE, _IDR):
            return _counters_at(_unescape(unit[:64]))[1].take(counters.frame_bits)
    raise UnknownStream("a packet without a slice")


def shift_counters(packet: bytes, counters: Counters, frames: int, order: int) -> bytes:
    """Return a packet as if `frames` references and `order` order counts had gone before it.

    Raises
    ------
    UnknownStream
        For an IDR picture, which starts its counters anew.
    """
    units = (_shift(unit, counters, frames, order) for unit in split_units(packet))
    return join_units(units)


def _shift(unit: bytes, counters: Counters, frames: int, order: int) -> bytes:
    if unit[0] & 31 == _IDR:
        raise UnknownStream("an IDR picture cannot follow another")
    if unit[0] & 31 != _SLICE:
        return unit
    payload = _unescape(unit)
    start, bits = _counters_at(payload)
    number = bits.take(counters.frame_bits)
    payload = _put(payload, start, counters.frame_bits, number + frames)
    if counters.order_bits:
        value = bits.take(counters.order_bits)
        payload = _put(payload, start + counters.frame_bits, counters.order_bits, value + order)
    return _escape(payload)


def _counters_at(payload: bytes) -> tuple[int, _Bits]:
    """Return the bit at which `frame_num` begins, and a reader that stands there."""
    bits = _Bits(payload[:64], at=8)
    for _ in range(3):  # first macroblock, slice type, parameter set
        bits.golomb()
    return bits.at, bits


def _put(payload: bytes, at: int, count: int, value: int) -> bytes:
    """Overwrite `count` bits with `value`, modulo what they hold."""
    first, last = at // 8, -(-(at + count) // 8)
    part = int.from_bytes(payload[first:last])
    up = last * 8 - at - count
    mask = ((1 << count) - 1) << up
    part = part & ~mask | value << up & mask
    return payload[:first] + part.to_bytes(last - first) + payload[last:]


def _unescape(unit: bytes) -> bytes:
    return re.sub(rb"\x00\x00\x03", b"\x00\x00", unit)


def _escape(payload: bytes) -> bytes:
    return re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", payload)
