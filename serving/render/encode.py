"""Frames to packets: one encoder per segment, so that each stands alone."""

import io
from collections.abc import Callable

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame

from serving.render.chain import continue_from, continuing, last_picture
from serving.render.profiles import Encoding
from serving.render.segments import CLIP, Segment
from serving.video.blending import copy_planes
from serving.video.film import Film
from serving.video.planes import Plane, Planes

Draw = Callable[[int, Planes], None]

# ITU-T H.273: BT.709 is 1 throughout, limited ("tv") range is 1 in FFmpeg
_BT709, _LIMITED = 1, 1


def encode_segment(
    film: Film,
    segment: Segment,
    draw: Draw,
    encoding: Encoding,
    before: bytes | None = None,
) -> bytes:
    """Draw and encode the frames of a segment; return them as an MP4.

    Parameters
    ----------
    draw : writes frame 0 .. frames - 1 into the planes given. May raise to stop.
    before : the segment from which this one goes on; without it, it begins with a key frame

    Notes
    -----
    MP4, as its packets are in the form in which they are joined: taken straight from the encoder
    they are in another (Annex B), which no container that is written later understands.
    """
    if before is None or not encoding.chains:
        # a clip ends with two references in the order in which they are shown: see `chain`
        plain = segment.frames - 2 if segment.kind == CLIP else None
        return _encode(film, segment.frames, draw, (encoding, plain))
    first = planes_of(last_picture(before))

    def draw_first(number: int, out: Planes) -> None:
        if number == 0:
            copy_planes(first, out)
        else:
            draw(number - 1, out)

    whole = _encode(film, segment.frames + 1, draw_first, (continuing(encoding), None))
    return continue_from(before, whole, film.fps)


def _encode(film: Film, frames: int, draw: Draw, how: tuple[Encoding, int | None]) -> bytes:
    encoding, plain = how
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(encoding.codec, rate=film.fps, options=dict(encoding.options))
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / film.fps
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        # One frame for all: with a single thread the encoder has copied it when it returns.
        frame = VideoFrame(film.width, film.height, "yuv420p")
        planes = planes_of(frame)
        for number in range(frames):
            draw(number, planes)
            frame.pts, frame.time_base = number, context.time_base
            frame.pict_type = PictureType.P if number == plain else PictureType.NONE
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
