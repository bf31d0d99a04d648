"""Frames to packets: one encoder per segment."""

import os
from collections.abc import Callable
from typing import cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from serving.process import leave_real_time
from serving.render.av1 import sequence_header
from serving.render.chain import continue_from, continuing, last_picture
from serving.render.packets import CodedPacket, CodedSegment
from serving.render.profiles import Encoding
from serving.render.program import encode_by_program
from serving.render.segments import CLIP, Segment
from serving.video.draw.blending import copy_planes
from serving.video.draw.yuv import Plane, Planes
from serving.video.film import Film

Draw = Callable[[int, Planes], None]

# ITU-T H.273: BT.709 is 1 throughout, limited ("tv") range is 1 in FFmpeg
_BT709, _LIMITED = 1, 1
_AVX_512F = 13  # of cv::CpuFeatures, which has no names in Python


def encode_segment(
    film: Film,
    segment: Segment,
    draw: Draw,
    encoding: Encoding,
    before: CodedSegment | None = None,
) -> CodedSegment:
    """Draw and encode the frames of a segment.

    Parameters
    ----------
    draw : writes frame 0 .. frames - 1 into the planes given. May raise to stop.
    before : the segment from which this one goes on; without it, it begins with a key frame
    """
    if encoding.program:
        return encode_by_program(film, segment.frames, draw, encoding)
    if before is None or not encoding.chains:
        # a clip ends with two references in the order in which they are shown: see `chain`
        plain = segment.frames - 2 if segment.kind == CLIP and encoding.chains else None
        return _encode(film, segment.frames, draw, (encoding, plain))
    first = planes_of(last_picture(before))

    def draw_first(number: int, out: Planes) -> None:
        if number == 0:
            copy_planes(first, out)
        else:
            draw(number - 1, out)

    whole = _encode(film, segment.frames + 1, draw_first, (continuing(encoding), None))
    return continue_from(before, whole)


def _encode(film: Film, frames: int, draw: Draw, how: tuple[Encoding, int | None]) -> CodedSegment:
    encoding, plain = how
    context = open_encoder(film, encoding)
    packets: list[CodedPacket] = []

    def take(frame: VideoFrame | None) -> None:
        for packet in context.encode(frame):
            packets.append(CodedPacket(bytes(packet), packet.pts or 0, packet.is_keyframe))

    # One frame for all: with a single thread the encoder has copied it when it returns.
    frame = VideoFrame(film.width, film.height, "yuv420p")
    planes = planes_of(frame)
    for number in range(frames):
        draw(number, planes)
        frame.pts, frame.time_base = number, context.time_base
        frame.pict_type = PictureType.P if number == plain else PictureType.NONE
        take(frame)
    take(None)
    header = context.extradata or b""
    if encoding.codec == "av1":
        header = sequence_header(packets[0].data)
    return CodedSegment(header, tuple(packets))


def open_encoder(film: Film, encoding: Encoding) -> VideoCodecContext:
    """Return an encoder for a film's frames, its header ready."""
    context = cast(VideoCodecContext, av.CodecContext.create(encoding.encoder, "w"))
    configure(context, film, encoding)
    context.flags |= Flags.global_header
    start(context)
    return context


def start(context: VideoCodecContext) -> None:
    """Open an encoder, and keep its threads from running in front of all others of the host."""
    context.open()
    if context.name == "libsvtav1":
        leave_real_time()


def configure(context: VideoCodecContext, film: Film, encoding: Encoding) -> None:
    """Set size, rate, colours, options and the file's name for the codec of an encoder."""
    context.width, context.height, context.pix_fmt = film.width, film.height, "yuv420p"
    context.framerate, context.time_base = film.fps, 1 / film.fps
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    context.options = _options(encoding, film.width)
    if encoding.tag:
        context.codec_tag = encoding.tag
    # SVT-AV1 would print a page about each segment, and listens to nothing else
    os.environ.setdefault("SVT_LOG", "1")


def _options(encoding: Encoding, width: int) -> dict[str, str]:
    """Return an encoder's options here: kept out of `Encoding`, as segments are named by that.

    With AVX-512, x264's macroblock tree takes what lies behind a row into account where its width
    is no multiple of 128 (upright and square films), and its bytes are never the same again.
    """
    options = dict(encoding.options)
    if "x264-params" in options and -(-width // 16) % 8 and cv2.checkHardwareSupport(_AVX_512F):
        options["x264-params"] += ":asm=avx2"
    return options


def planes_of(frame: VideoFrame) -> Planes:
    """Return the pixels of a yuv420p frame, to be written in place."""
    return Planes(*(_view(frame, index) for index in range(3)))


def _view(frame: VideoFrame, index: int) -> Plane:
    plane = frame.planes[index]
    # lines are padded; what lies beyond the width is nobody's
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)
    rows = rows.reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
