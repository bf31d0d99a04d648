"""Segments put in a row, packet by packet, without decoding."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from serving.errors import ListingError


# Pictures that are decoded ahead of their time for B-pictures to refer to: one, or two with a pyramid.
REORDERING = 2


class NotJoinable(ListingError):
    """Two segments were encoded in ways that one stream cannot hold."""


def open_segment(segment: bytes) -> InputContainer:
    """Open a segment for its packets as they were written.

    Its edit list is not looked at: it would drop pictures before the first key frame, and one that
    continues another has none.
    """
    return av.open(io.BytesIO(segment), format="mp4", options={"ignore_editlist": "1"})


def read_packets(segment: bytes, start: int, fps: Fraction) -> "Iterator[Packet[VideoStream]]":
    """Yield a segment's packets in the order in which they are decoded.

    Their times count frames of the film: `pts` from `start` on, `dts` by one each and `REORDERING`
    ahead. So the joined times are exact and always rise.
    """
    with open_segment(segment) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        first = min(packet.pts or 0 for packet in packets)
        for number, packet in enumerate(packets):
            packet.pts = start + round(((packet.pts or 0) - first) * packet.time_base * fps)
            packet.dts = start + number - REORDERING
            packet.duration = 1
            packet.time_base = 1 / fps
            yield packet


def join_packets(
    segments: Iterable[tuple[int, bytes]], fps: Fraction
) -> "Iterator[Packet[VideoStream]]":
    """Yield the packets of segments, given as (first frame, MP4), in their order.

    Raises
    ------
    NotJoinable
        A segment's codec headers differ from the first one's.
    """
    header: bytes | None = None
    for start, segment in segments:
        own = codec_header(segment)
        if header is not None and own != header:
            raise NotJoinable(f"the segment at frame {start} has other codec headers")
        header = own
        yield from read_packets(segment, start, fps)


def codec_header(segment: bytes) -> bytes:
    """Return the parameter sets that a decoder needs before the first packet."""
    with open_segment(segment) as container:
        return container.streams.video[0].codec_context.extradata or b""
