"""Segments put in a row, packet by packet, without decoding."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from serving.errors import ListingError


class NotJoinable(ListingError):
    """Two segments were encoded in ways that one stream cannot hold."""


def read_packets(segment: bytes, start: int, fps: Fraction) -> "Iterator[Packet[VideoStream]]":
    """Yield a segment's packets in the order in which they are decoded.

    Their times count frames of the film: `pts` from `start` on, `dts` by one each, as far ahead of
    the first as the codec's reordering needs. So the joined times are exact and always rise.
    """
    with av.open(io.BytesIO(segment), format="mp4") as container:
        stream = container.streams.video[0]
        delay = stream.codec_context.reorder_depth if stream.codec_context.has_b_frames else 0
        number = start - delay
        for packet in container.demux(stream):
            if packet.pts is None:  # the one that ends the stream
                continue
            packet.pts = start + round(packet.pts * packet.time_base * fps)
            packet.dts = number
            packet.duration = 1
            packet.time_base = 1 / fps
            number += 1
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
    with av.open(io.BytesIO(segment), format="mp4") as container:
        return container.streams.video[0].codec_context.extradata or b""
