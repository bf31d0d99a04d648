"""A film as pieces that are encoded apart, each named by everything that shapes its pixels."""

import dataclasses
import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

import av
import cv2
import numpy as np

from serving.render.profiles import Encoding
from serving.video.draw import backdrop, blending, depth, grade, sprites, transitions
from serving.video.draw import camera as motion
from serving.video.draw import crop as footage
from serving.video.draw import parallax as scene
from serving.video.draw import resample as sampling
from serving.video.draw import transitions_2d as flat_moves
from serving.video.draw import transitions_3d as solid_moves
from serving.video.draw import yuv as planes
from serving.video.film import Film, Overlay

Digest = Callable[[str, str], str]  # of the photo, picture or lut of that name

CLIP, TRANSITION = "clip", "transition"
# A change touches whole segments, and two workers share them: short enough for both.
LONGEST_S = 5.0

_SHAPE_PIXELS: tuple[ModuleType, ...] = (
    backdrop,
    blending,
    depth,
    flat_moves,
    footage,
    grade,
    motion,
    sprites,
    planes,
    sampling,
    scene,
    solid_moves,
    transitions,
)


@dataclass(frozen=True)
class Segment:
    """Frames `start` .. `start + frames - 1` of a film: part of clip `index`, or transition.

    One that `follows` has no key frame: it goes on from the last picture of the one before it.
    """

    kind: str
    index: int
    start: int
    frames: int
    follows: bool = False

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + self.frames

    @property
    def clips(self) -> tuple[int, ...]:
        """The clips that are seen in it."""
        return (self.index,) if self.kind == CLIP else (self.index, self.index + 1)


def split_film(film: Film) -> tuple[Segment, ...]:
    """Return the film's segments in their order: clips between transitions, and transitions."""
    return tuple(_segments(film))


def _segments(film: Film) -> Iterator[Segment]:
    around = [0, *(transition.frames for transition in film.transitions), 0]
    for index, (clip, start) in enumerate(zip(film.clips, film.starts, strict=True)):
        before, after = around[index], around[index + 1]
        first, last = start + before, start + clip.frames - after
        yield from _parts(index, first, last, int(LONGEST_S * film.fps))
        if after:
            yield Segment(TRANSITION, index, last, after, follows=last > first)


def _parts(index: int, first: int, last: int, longest: int) -> Iterator[Segment]:
    count = -(-(last - first) // longest)
    for part in range(count):
        start, end = (first + (last - first) * n // count for n in (part, part + 1))
        yield Segment(CLIP, index, start, end - start)


def name_segments(
    film: Film, segments: Sequence[Segment], encoding: Encoding, digest: Digest
) -> list[str]:
    """Return the keys of a film's segments; one that follows another depends on that one too."""
    keys: list[str] = []
    for segment in segments:
        before = keys[-1] if segment.follows and encoding.chains else None
        keys.append(name_segment(film, segment, encoding, (digest, before)))
    return keys


def name_segment(
    film: Film, segment: Segment, encoding: Encoding, given: tuple[Digest, str | None]
) -> str:
    """Return the key of a segment's packets: SHA-256 of what they depend on, and on nothing else.

    Frames count from the segment's own start: one that only moves in time keeps its key.

    Parameters
    ----------
    given : what hashes contents (`photo`, `picture` or `lut` and a name), and the key of the
        segment before, if this one goes on from it
    """
    digest, before = given
    facts = {
        "code": code_version(),
        "encoding": dataclasses.asdict(encoding),
        "frame": [film.width, film.height, str(film.fps)],
        "grade": [digest("lut", film.grade), film.grade_strength] if film.grade else None,
        "before": before,
        "kind": segment.kind,
        "frames": segment.frames,
        "clips": [_clip_facts(film, index, segment, digest) for index in segment.clips],
        "transition": (
            dataclasses.asdict(film.transitions[segment.index])
            if segment.kind == TRANSITION
            else None
        ),
        "overlays": [
            _overlay_facts(film, overlay, segment, digest)
            for overlay in film.overlays
            if overlay.start < segment.end and segment.start < overlay.start + overlay.frames
        ],
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _clip_facts(film: Film, index: int, segment: Segment, digest: Digest) -> dict[str, object]:
    clip = film.clips[index]
    return dataclasses.asdict(clip) | {
        "photo": digest("photo", clip.photo),
        "depth": digest("picture", clip.depth) if clip.depth else None,
        "since": segment.start - film.starts[index],
    }


def _overlay_facts(
    film: Film, overlay: Overlay, segment: Segment, digest: Digest
) -> dict[str, object]:
    pin = overlay.pinned_to
    facts = dataclasses.asdict(overlay) | {
        "picture": digest("picture", overlay.picture),
        "pin": [pin.x, pin.y, _clip_facts(film, pin.clip, segment, digest)] if pin else None,
        # of a long overlay only its fades matter, and those only where they are
        "start": None,
        "frames": None,
        "since": min(segment.start - overlay.start, overlay.fade_in),
        "left": min(overlay.start + overlay.frames - segment.end, overlay.fade_out),
    }
    del facts["pinned_to"]
    return facts


@functools.cache
def code_version() -> str:
    """Return a hash of the code that makes pixels and packets, its libraries included."""
    # here, as they import this module's Segment
    from serving.render import av1, chain, encode, ffmpeg, frames, h264, program, sound

    modules = (*_SHAPE_PIXELS, av1, chain, encode, ffmpeg, frames, h264, program, sound)
    sources = [inspect.getsource(module) for module in modules]
    versions = [cv2.__version__, np.__version__, repr(sorted(av.library_versions.items()))]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()[:16]
