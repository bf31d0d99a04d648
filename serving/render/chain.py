"""A segment that goes on where the one before it ended, without a key frame of its own.

A key frame costs as much as ten others, and a film would have two per clip: one where its
transition begins, one where that ends. The first is saved: the transition's encoder is given the
last *decoded* picture of the clip as its first, nearly lossless; that picture is then left out, and
the counters of the others are moved on. So the transition depends on the clip before it, whose
photo it shows anyway, and nothing else does.
"""

import dataclasses

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from serving.render.h264 import (
    UnknownStream,
    frame_number,
    is_reference,
    read_counters,
    shift_counters,
)
from serving.render.packets import CodedPacket, CodedSegment
from serving.render.profiles import Encoding

# Finer costs bits that are thrown away; coarser, and what follows drifts from what the encoder saw
_FIRST_QUANTISER = 2


def continuing(encoding: Encoding) -> Encoding:
    """Return the encoding of a segment whose first picture is left out afterwards."""
    zone = f":zones=0,0,q={_FIRST_QUANTISER}"
    options = ((k, v + zone if k == "x264-params" else v) for k, v in encoding.options)
    return dataclasses.replace(encoding, options=tuple(options))


def last_picture(segment: CodedSegment) -> VideoFrame:
    """Decode a segment's last picture; only what it refers to is decoded with it."""
    context = av.CodecContext.create("h264", "r")
    context.extradata = segment.header
    context.skip_frame = "BIDIR"
    context.thread_count = 1
    last = None
    for packet in segment.packets:
        for frame in context.decode(Packet(packet.data)):
            last = frame
    for frame in context.decode(None):
        last = frame
    if last is None:
        raise UnknownStream("a segment without pictures")
    return last


def continue_from(before: CodedSegment, segment: CodedSegment) -> CodedSegment:
    """Leave out a segment's first picture and tie the rest to the last one of `before`.

    Parameters
    ----------
    before, segment : with the same codec header; `segment` begins with the last picture of
        `before`, an IDR picture to which only the next ones refer

    Returns
    -------
    CodedSegment
        What a decoder understands only after `before`.
    """
    if segment.header != before.header:
        raise UnknownStream("the segments have other codec headers")
    counters = read_counters(segment.header)
    last = [packet for packet in before.packets if is_reference(packet.data)][-1]
    if last.shown != len(before.packets) - 1:
        raise UnknownStream("the last picture shown is not the last reference")
    frames, order = frame_number(last.data, counters), 2 * last.shown
    packets = (
        CodedPacket(shift_counters(old.data, counters, frames, order), old.shown - 1, key=False)
        for old in segment.packets[1:]
    )
    return CodedSegment(segment.header, tuple(packets))
