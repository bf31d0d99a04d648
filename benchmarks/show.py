"""The film that the film benchmarks render: the same photos, motions, transitions and overlays."""

import dataclasses
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from servers import ROOT

from serving.image import Image
from serving.render.cache import PacketCache
from serving.render.film import Options, Rendered, render_film
from serving.render.frames import FrameRenderer, Sources
from serving.render.profiles import Encoding
from serving.render.segments import split_film
from serving.render.sound import Sound
from serving.video.draw.grade import Lut, identity_lut
from serving.video.draw.yuv import empty_planes
from serving.video.film import Clip, Film, Motion, Overlay, Transition, View

PHOTOS, CLIP_S, CHANGE_S = 20, Fraction(3), Fraction(1, 2)
# where in the film of 20 photos what is: the rest are crossfades
SPECIAL = {2: "wipe_left", 6: "wipe_right", 10: "wipe_up", 13: "cube", 16: "page"}
CAPTIONED = (1, 4, 8, 12, 17)
LOGO, GRADE = "logo", "look"


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds, and of our own renders what was done for them."""

    cpu_s: float
    wall_s: float
    done: Rendered | None = None


def find_photos() -> list[str]:
    """Return the listings' photos of STUDIO_DATA, or the sample listing's."""
    data = os.environ.get("STUDIO_DATA")
    folder = Path(data) / "listings" if data else ROOT / "datasets" / "sample_listing"
    return [str(path) for path in sorted(folder.rglob("*.jpg"))]


def make_show(photos: int = PHOTOS, width: int = 1920, height: int = 1080, fps: int = 30) -> Film:
    """Return the show with all its effects.

    20 photos of 3 s that change in 0.5 s: 1515 frames at 30 a second. A logo throughout, five lower
    thirds, a 3D LUT, three wipes, two transitions in space, crossfades.
    """
    files = find_photos()
    frames, change = int(CLIP_S * fps), int(CHANGE_S * fps)
    clips = tuple(Clip(files[n % len(files)], frames, _motion(n)) for n in range(photos))
    kinds = [SPECIAL.get(n % PHOTOS, "crossfade") for n in range(photos - 1)]
    changes = tuple(Transition(kind, change) for kind in kinds)
    film = Film(width, height, Fraction(fps), clips, changes, grade=GRADE)
    logo = Overlay(LOGO, 0, film.frames, 0.97, 0.05, "top-right", 0.12, opacity=0.9)
    captions = (
        Overlay(
            f"caption-{n}",
            film.starts[n] + change + fps // 5,
            frames - 2 * change - 2 * (fps // 5),
            0.05,
            0.93,
            "bottom-left",
            0.42,
            fade_in=fps // 4,
            fade_out=fps // 4,
        )
        for n in CAPTIONED
        if n < photos
    )
    return dataclasses.replace(film, overlays=(logo, *captions))


def _motion(number: int) -> Motion:
    if number % 4 == 2:
        return Motion(View(0.4, 0.5, 0.88), View(0.6, 0.5, 0.88))
    far, near = View(0.5, 0.5, 0.98), View(0.42 + 0.04 * (number % 5), 0.5, 0.84)
    return Motion(far, near) if number % 2 == 0 else Motion(near, far)


def make_sources(brand: str = "NEST") -> Sources:
    """Return photos from their files, drawn pictures and a warm grade."""
    table = identity_lut(33).table ** np.float32(0.95) * np.array([1.03, 1.0, 0.95], np.float32)
    look = Lut(table.clip(0, 1).astype(np.float32))
    return Sources(
        lambda name: Path(name).read_bytes(), lambda name: draw_picture(name, brand), {GRADE: look}
    )


def draw_picture(name: str, brand: str) -> NDArray[np.uint8]:
    """Return the logo, or a lower third that says its own name."""
    if name == LOGO:
        logo = np.zeros((200, 460, 4), np.uint8)
        cv2.ellipse(logo, (100, 100), (80, 80), 0, 0, 360, (240, 240, 240, 255), -1, cv2.LINE_AA)
        return _write(logo, brand, (190, 135), 3)
    third = np.zeros((180, 900, 4), np.uint8)
    third[...] = (20, 30, 60, 200)
    return _write(third, name, (40, 110), 2.6)


def _write(picture: Image, text: str, at: tuple[int, int], size: float) -> Image:
    cv2.putText(picture, text, at, 2, size, (255, 255, 255, 255), 5, cv2.LINE_AA)
    return picture


def make_sound(length_s: float, pitch_hz: float = 220.0) -> Sound:
    """Return chords that swell."""
    time_s = np.arange(int(length_s * 48_000)) / 48_000
    chord = sum(np.sin(2 * np.pi * pitch_hz * ratio * time_s) for ratio in (1, 1.25, 1.5))
    wave = chord * (0.15 + 0.1 * np.sin(2 * np.pi * 0.5 * time_s))
    return Sound(np.stack([wave, wave], axis=1).astype(np.float32), 48_000)


def draw_frames(film: Film, sources: Sources) -> Iterator[bytes]:
    """Yield every frame of a film as raw yuv420p."""
    renderer = FrameRenderer(film, sources)
    out = empty_planes(film.width, film.height)
    for segment in split_film(film):
        draw = renderer.painter(segment)
        for number in range(segment.frames):
            draw(number, out)
            yield b"".join(plane.tobytes() for plane in out)


def render(
    film: Film,
    sources: Sources,
    output: Path,
    cache: PacketCache,
    pitch_hz: float = 220.0,
    encoding: Encoding | None = None,
) -> Cost:
    """Render a film with its sound."""
    sound = make_sound(float(film.frames / film.fps), pitch_hz)
    options = Options(encoding or Encoding(), cache, sound)
    cpu, start = time.process_time(), time.monotonic()
    done = render_film(film, sources, output, options)
    return Cost(time.process_time() - cpu, time.monotonic() - start, done)
