"""A segment that goes on where the one before it ended, without a key frame of its own.

A key frame costs as much as ten others, and a film would have two per clip: one where its
transition begins, one where that ends. The first is saved: the transition's encoder is given the
last *decoded* picture of the clip as its first, nearly lossless; that picture is then left out, and
the counters of the others are moved on. So the transition depends on the clip before it, whose
photo it shows anyway, and nothing else does.
"""

import dataclasses
import io
from collections.abc import Sequence
from fractions import Fraction

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from serving.render.h264 import (
    Counters,
    UnknownStream,
    frame_number,
    is_reference,
    read_counters,
    shift_counters,
)
from serving.render.join import REORDERING, codec_header, open_segment, read_packets
from serving.render.profiles import Encoding

# Finer costs bits that are thrown away; coarser, and what follows drifts from what the encoder saw
_FIRST_QUANTISER = 2


def continuing(encoding: Encoding) -> Encoding:
    """Return the encoding of a segment whose first picture is left out afterwards."""
    zone = f":zones=0,0,q={_FIRST_QUANTISER}"
    options = ((k, v + zone if k == "x264-params" else v) for k, v in encoding.options)
    return dataclasses.replace(encoding, options=tuple(options))


def last_picture(segment: bytes) -> VideoFrame:
    """Decode a segment's last picture; only what it refers to is decoded with it."""
    last = None
    with open_segment(segment) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONREF"
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            for frame in packet.decode():
                last = frame
    if last is None:
        raise UnknownStream("a segment without pictures")
    return last


def continue_from(before: bytes, segment: bytes, fps: Fraction) -> bytes:
    """Leave out a segment's first picture and tie the rest to the last one of `before`.

    Parameters
    ----------
    before, segment : MP4s with the same codec headers; `segment` begins with the last picture of
        `before`, an IDR picture to which only the next ones refer

    Returns
    -------
    bytes
        An MP4 that a decoder understands only after `before`.
    """
    earlier, own = list(read_packets(before, 0, fps)), list(read_packets(segment, 0, fps))
    header = codec_header(segment)
    if header != codec_header(before):
        raise UnknownStream("the segments have other codec headers")
    counters = read_counters(header)
    frames, order = _last_reference(earlier, counters), 2 * (len(earlier) - 1)
    file = io.BytesIO()
    with open_segment(segment) as source, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        stream.time_base = 1 / fps
        for number, old in enumerate(own[1:]):
            packet = Packet(shift_counters(bytes(old), counters, frames, order))
            packet.stream, packet.time_base, packet.duration = stream, 1 / fps, 1
            packet.pts, packet.dts = (old.pts or 0) - 1, number - REORDERING
            container.mux_one(packet)
    return file.getvalue()


def _last_reference(packets: "Sequence[Packet[VideoStream]]", counters: Counters) -> int:
    """Return the frame number of the last reference, which must also be the last one shown."""
    last = [packet for packet in packets if is_reference(bytes(packet))][-1]
    if last.pts != len(packets) - 1:
        raise UnknownStream("the last picture shown is not the last reference")
    return frame_number(bytes(last), counters)
