"""Frames to packets: one encoder per segment, so that each stands alone."""

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame

from serving.render.profiles import Encoding
from serving.video.film import Film
from serving.video.planes import Plane, Planes

# ITU-T H.273: BT.709 is 1 throughout, limited ("tv") range is 1 in FFmpeg
_BT709, _LIMITED = 1, 1


def encode_segment(
    film: Film, frames: int, draw: Callable[[int, Planes], None], encoding: Encoding
) -> bytes:
    """Draw and encode `frames` frames; return them as an MP4 of their own.

    Parameters
    ----------
    draw : writes frame 0 .. frames - 1 into the planes given. May raise to stop.

    Notes
    -----
    MP4, as its packets are in the form in which they are joined: taken straight from the encoder
    they are in another (Annex B), which no container that is written later understands.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(encoding.codec, rate=film.fps, options=dict(encoding.options))
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / Fraction(film.fps)
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        # One frame for all: with a single thread the encoder has copied it when it returns.
        frame = VideoFrame(film.width, film.height, "yuv420p")
        planes = planes_of(frame)
        for number in range(frames):
            draw(number, planes)
            frame.pts, frame.time_base = number, context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def planes_of(frame: VideoFrame) -> Planes:
    """Return the pixels of a yuv420p frame, to be written in place."""
    return Planes(*(_view(frame, index) for index in range(3)))


def _view(frame: VideoFrame, index: int) -> Plane:
    plane = frame.planes[index]
    # lines are padded; what lies beyond the width is nobody's
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
