"""Small films for the render tests."""

import dataclasses
import io
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.render.encode import planes_of
from serving.render.frames import Sources
from serving.video.draw.grade import Lut, identity_lut
from serving.video.film import Clip, Film, Motion, Overlay, Transition, View
from tests.serving.video.pictures import badge, texture

ZOOM = Motion(View(0.5, 0.5, 1.0), View(0.45, 0.5, 0.8))
PAN = Motion(View(0.3, 0.5, 0.8), View(0.6, 0.5, 0.8))


def make_film(clips: int = 3, frames: int = 24, change: int = 6, **changes: object) -> Film:
    """Return clips of different photos that crossfade; 128x72, 30 fps."""
    film = Film(
        128,
        72,
        Fraction(30),
        tuple(Clip(f"photo-{n}", frames, (ZOOM, PAN)[n % 2]) for n in range(clips)),
        tuple(Transition("crossfade", change) for _ in range(clips - 1)),
    )
    return dataclasses.replace(film, **changes)  # type: ignore[arg-type]


def with_photo(film: Film, number: int, photo: str) -> Film:
    """Return the film with another photo in a clip."""
    clips = list(film.clips)
    clips[number] = dataclasses.replace(clips[number], photo=photo)
    return dataclasses.replace(film, clips=tuple(clips))


def caption(start: int, frames: int, picture: str = "badge", **more: object) -> Overlay:
    """Return a badge in a corner."""
    overlay = Overlay(picture, start, frames, 0.05, 0.95, "bottom-left", 0.3)
    return dataclasses.replace(overlay, **more)  # type: ignore[arg-type]


def jpeg(name: str, height: int = 120, width: int = 200) -> bytes:
    """Return a photo whose content follows from its name."""
    file = io.BytesIO()
    seed = sum(name.encode())
    Pillow.fromarray(texture(height, width, seed, sigma=3)).save(file, "JPEG", quality=92)
    return file.getvalue()


def pictures(name: str) -> NDArray[np.uint8]:
    """Return a badge, another for every name."""
    picture = badge()
    picture[:5, :5] = sum(name.encode()) % 256
    return picture


def make_sources(**more: object) -> Sources:
    """Return photos and pictures for any name, and one grade."""
    warm = Lut(identity_lut(5).table * np.array([1, 0.9, 0.8], np.float32))
    return dataclasses.replace(Sources(jpeg, pictures, {"warm": warm}), **more)  # type: ignore[arg-type]


def times(file: Path | io.BytesIO, kind: Literal["video", "audio"] = "video") -> list[Fraction]:
    """Return when each frame is shown, or each block of sound heard, in seconds."""
    source = str(file) if isinstance(file, Path) else file
    with av.open(source, "r") as container:
        stream = container.streams.best(kind)
        assert stream is not None
        frames = (frame for packet in container.demux(stream) for frame in packet.decode())
        timed = (f for f in frames if isinstance(f, VideoFrame | AudioFrame))
        return [Fraction(f.pts or 0) * (f.time_base or 1) for f in timed]


def decode(path: Path) -> list[NDArray[np.uint8]]:
    """Return the luma of every frame of a file."""
    with av.open(str(path), "r") as container:
        return [planes_of(frame).y.copy() for frame in container.decode(video=0)]


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return how alike two planes are, in dB."""
    return float(10 * np.log10(255**2 / max(1e-9, ((a.astype(float) - b) ** 2).mean())))
