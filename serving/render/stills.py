"""Pictures that stand for a film: its poster, and a short silent loop."""

import dataclasses
import io
from collections.abc import Iterator

import simplejpeg
from PIL import Image as Pillow

from serving.errors import BadInput
from serving.image import Image
from serving.render.frames import FrameRenderer, Sources
from serving.render.segments import split_film
from serving.video.draw.yuv import empty_planes, to_rgb
from serving.video.film import Film

LOOPS = ("GIF", "WEBP")
_LOOP_FPS = 8
_MOST_PICTURES = 480  # all are held while the loop is written: 260 MB of an upright film


def draw_frame(film: Film, sources: Sources, frame: int) -> Image:
    """Return one frame of a film as RGB; BadInput if it has no such frame."""
    for segment in split_film(film):
        if segment.start <= frame < segment.end:
            out = empty_planes(film.width, film.height)
            FrameRenderer(film, sources).painter(segment)(frame - segment.start, out)
            return to_rgb(out)
    raise BadInput(f"no frame {frame} in a film of {film.frames}")


def make_poster(film: Film, sources: Sources, frame: int, quality: int = 88) -> bytes:
    """Return one frame as a JPEG, without what lies on the film."""
    bare = dataclasses.replace(film, overlays=())
    return bytes(simplejpeg.encode_jpeg(draw_frame(bare, sources, frame), quality, "RGB", "420"))


def make_loop(film: Film, sources: Sources, kind: str = "WEBP", width: int = 320) -> bytes:
    """Return the film as a small GIF or WebP that repeats for ever, as fast as the film.

    About 8 pictures a second; fewer of a film over a minute, so that no loop has over 480.
    """
    if kind not in LOOPS:
        raise BadInput(f"a loop is {' or '.join(LOOPS)}, not '{kind}'")
    height = max(16, 2 * round(film.height * width / film.width / 2))
    small = dataclasses.replace(film, width=width // 2 * 2, height=height)
    pictures = [Pillow.fromarray(frame) for frame in _every(small, sources)]
    file = io.BytesIO()
    pictures[0].save(
        file,
        kind,
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 * loop_step(film) / film.fps),
        loop=0,
        **({"quality": 60, "method": 2} if kind == "WEBP" else {}),
    )
    return file.getvalue()


def loop_step(film: Film) -> int:
    """Return of how many frames of a film one is a picture of its loop."""
    return max(1, round(film.fps / _LOOP_FPS), -(-film.frames // _MOST_PICTURES))


def _every(film: Film, sources: Sources) -> Iterator[Image]:
    step = loop_step(film)
    renderer, out = FrameRenderer(film, sources), empty_planes(film.width, film.height)
    for segment in split_film(film):
        draw = renderer.painter(segment)
        for number in range(-segment.start % step, segment.frames, step):
            draw(number, out)
            yield to_rgb(out)
