"""Segments put in a row, packet by packet, without decoding."""

from collections.abc import Iterable, Iterator
from typing import Any

from av.packet import Packet

from serving.errors import StudioError
from serving.render.packets import CodedSegment
from serving.video.film import Film


class NotJoinable(StudioError):
    """Two segments were encoded in ways that one stream cannot hold."""


def join_packets(
    segments: Iterable[tuple[int, CodedSegment]], film: Film, header: bytes, reordering: int
) -> "Iterator[Packet[Any]]":
    """Yield the packets of segments, given as (first frame, packets) in their order.

    Times count frames of the film: `dts` by one each, `reordering` ahead, the encoding's. So the
    joined times are exact and always rise.

    Raises
    ------
    NotJoinable
        A segment's codec header is not `header`, or segments do not fill the film.
    """
    number = 0
    for start, segment in segments:
        if segment.header != header:
            raise NotJoinable(f"the segment at frame {start} has another codec header")
        if start != number:
            raise NotJoinable(f"a segment starts at frame {start}, the last ended at {number}")
        for packet in time_packets(start, segment, film, reordering):
            number += 1
            yield packet


def time_packets(
    start: int, segment: CodedSegment, film: Film, reordering: int
) -> "Iterator[Packet[Any]]":
    """Yield a segment's packets with their times in the film, in which it begins at `start`."""
    for number, coded in enumerate(segment.packets):
        packet = Packet(coded.data)
        packet.pts, packet.dts = start + coded.shown, start + number - reordering
        packet.duration, packet.time_base = 1, 1 / film.fps
        packet.is_keyframe = coded.key
        yield packet
