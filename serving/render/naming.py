"""What encoded segments and sound are kept under: a hash of everything that shapes their bytes."""

import dataclasses
import functools
import hashlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from importlib import import_module
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.render import av1, chain, encode, ffmpeg, frames, h264, program
from serving.render import sound as aac_sound
from serving.render.frames import Sources
from serving.render.profiles import Encoding
from serving.render.segments import TRANSITION, Segment
from serving.render.sound import Sound
from serving.video import draw
from serving.video.film import Film, Overlay

Digest = Callable[[str, str], str]  # of the photo, picture or lut of that name


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


def name_sound(sound: Sound, length_s: Fraction) -> str:
    """Return the key of encoded sound: SHA-256 of its samples, its length and the code."""
    facts = f"sound {code_version()} {sound.rate_hz} {length_s} {_hash(sound.samples)}"
    return hashlib.sha256(facts.encode()).hexdigest()


@functools.cache
def code_version() -> str:
    """Return a hash of the code that makes pixels and packets, its libraries included."""
    sources = [inspect.getsource(module) for module in _modules()]
    versions = [cv2.__version__, np.__version__, repr(sorted(av.library_versions.items()))]
    return hashlib.sha256("\0".join([*sources, *versions]).encode()).hexdigest()[:16]


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(draw.__path__, f"{draw.__name__}."):
        yield import_module(module.name)
    yield from (av1, chain, encode, ffmpeg, frames, h264, program, aac_sound)


def digest_sources(sources: Sources) -> Digest:
    """Return what hashes the content behind a film's names, each read once."""

    @functools.cache
    def digest(kind: str, name: str) -> str:
        if kind == "photo":
            return _hash(sources.photos(name))
        if kind == "picture":
            return _hash(sources.pictures(name))
        if name not in sources.luts:
            raise BadInput(f"no grade '{name}'")
        return _hash(sources.luts[name].table)

    return digest


def _hash(content: bytes | NDArray[Any]) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    head = repr((content.shape, content.dtype.str)).encode()
    return hashlib.sha256(head + np.ascontiguousarray(content).tobytes()).hexdigest()
