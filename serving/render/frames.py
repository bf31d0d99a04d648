"""The frames of a segment, drawn from photos that are decoded and prepared once."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import ceil

from serving.errors import BadImage, BadInput
from serving.image import Image, opened, read_header
from serving.render.segments import TRANSITION, Segment
from serving.video.draw.backdrop import lay_on_backdrop
from serving.video.draw.camera import Windows, plan_windows
from serving.video.draw.crop import needed_density
from serving.video.draw.grade import Lut, apply_lut
from serving.video.draw.parallax import Scene, draw_scene, prepare_scene
from serving.video.draw.sprites import (
    Rgba,
    Sprite,
    corner_of,
    fade_sprite,
    lay_sprite,
    make_sprite,
    opacity_at,
    shift_sprite,
)
from serving.video.draw.transitions import draw_transition, make_scratch, transition_time
from serving.video.draw.yuv import Planes
from serving.video.film import BACKDROP, Clip, Film, Overlay

Size = tuple[int, int]

MAX_PIXELS = 200_000_000


class BadPhoto(BadImage):
    """A photo of the film cannot be read; `photo` is its name."""

    def __init__(self, photo: str, reason: BadInput) -> None:
        super().__init__(f"photo '{photo}': {reason}")
        self.photo = photo


@dataclass(frozen=True)
class Sources:
    """Where a film's names lead.

    Parameters
    ----------
    photos : a photo's file, or its upright RGB pixels (a title card)
    pictures : uint8 RGBA of an overlay; of a depth picture any channel
    luts : grades by name
    """

    photos: Callable[[str], bytes | Image]
    pictures: Callable[[str], Rgba]
    luts: Mapping[str, Lut] = field(default_factory=dict)


@dataclass(frozen=True)
class Shot:
    """A clip ready to be filmed: its scene and, per frame, where the camera looks."""

    scene: Scene
    windows: Windows


class FrameRenderer:
    """Draws any frame of a film; safe to share between threads.

    It keeps the last few shots only, so memory does not grow with the number of photos.
    """

    def __init__(self, film: Film, sources: Sources, shots: int = 4) -> None:
        self.film, self._sources, self._keep = film, sources, shots
        self._shots: OrderedDict[int, Shot] = OrderedDict()
        self._locks = [threading.Lock() for _ in film.clips]
        self._lock = threading.Lock()
        self._sprite = functools.lru_cache(maxsize=32)(self._make_sprite)

    def shot(self, index: int) -> Shot:
        """Return a clip's shot, made at its first use and again when it was let go."""
        with self._locks[index]:
            with self._lock:
                if index in self._shots:
                    self._shots.move_to_end(index)
                    return self._shots[index]
            shot = self._make_shot(self.film.clips[index])
            with self._lock:
                self._shots[index] = shot
                while len(self._shots) > self._keep:
                    self._shots.popitem(last=False)
            return shot

    def painter(self, segment: Segment) -> Callable[[int, Planes], None]:
        """Return what draws the frames of a segment, counted from its start."""
        film = self.film
        scratch = make_scratch((film.width, film.height)) if segment.kind == TRANSITION else None

        def draw(number: int, out: Planes) -> None:
            frame = segment.start + number
            if scratch is None:
                self._draw_clip(segment.index, frame, out)
            else:
                for clip, planes in zip(segment.clips, scratch, strict=True):
                    self._draw_clip(clip, frame, planes)
                t = transition_time(number, segment.frames)
                draw_transition(film.transitions[segment.index], *scratch, t, out)
            for overlay in film.overlays:
                self._draw_overlay(overlay, frame, out)

        return draw

    def _draw_clip(self, index: int, frame: int, out: Planes) -> None:
        shot = self.shot(index)
        number = frame - self.film.starts[index]
        draw_scene(shot.scene, shot.windows, number, out)

    def _draw_overlay(self, overlay: Overlay, frame: int, out: Planes) -> None:
        opacity = opacity_at(overlay, frame)
        spot = self._spot(overlay, frame)
        if opacity == 0 or spot is None:
            return
        sprite = self._sprite(overlay.picture, self._width(overlay), overlay.opacity, opacity)
        x, y = corner_of(overlay, sprite.size, out.size)
        if overlay.pinned_to is None:  # nothing moves: whole chroma pixels keep it sharp
            lay_sprite(sprite, 2 * round(x / 2), 2 * round(y / 2), out)
            return
        x, y = x + spot[0], y + spot[1]
        left, top = int(x // 2) * 2, int(y // 2) * 2
        lay_sprite(shift_sprite(sprite, x - left, y - top), left, top, out)

    def _spot(self, overlay: Overlay, frame: int) -> tuple[float, float] | None:
        """Return where a pinned overlay's spot is, in pixels; None while its clip is not seen."""
        pin = overlay.pinned_to
        if pin is None:
            return 0.0, 0.0
        number = frame - self.film.starts[pin.clip]
        if not 0 <= number < self.film.clips[pin.clip].frames:
            return None
        left, top, width, height = self.shot(pin.clip).windows[number].tolist()
        return (pin.x - left) / width * self.film.width, (pin.y - top) / height * self.film.height

    def _width(self, overlay: Overlay) -> int:
        return max(2, round(overlay.width * self.film.width))

    def _make_sprite(self, picture: str, width: int, opacity: float, fade: float) -> Sprite:
        if fade < 1:
            return fade_sprite(self._sprite(picture, width, opacity, 1.0), fade)
        return make_sprite(self._sources.pictures(picture), width, opacity)

    def _make_shot(self, clip: Clip) -> Shot:
        try:
            photo = self._sources.photos(clip.photo)
            size = photo_size(photo)
            windows = self._plan(clip, size)
            with _pixels(photo, self._needed_side(clip, size, windows)) as pixels:
                return Shot(self._prepare(clip, pixels, windows), windows)
        except BadInput as error:
            raise BadPhoto(clip.photo, error) from error

    def _plan(self, clip: Clip, size: Size) -> Windows:
        frame = (self.film.width, self.film.height)
        seen = frame if clip.fit == BACKDROP else size
        return plan_windows(clip.motion, clip.frames, seen, frame)

    def _needed_side(self, clip: Clip, size: Size, windows: Windows) -> int:
        frame = (self.film.width, self.film.height)
        return max(frame) if clip.fit == BACKDROP else needed_side(size, windows, frame)

    def _prepare(self, clip: Clip, pixels: Image, windows: Windows) -> Scene:
        frame = (self.film.width, self.film.height)
        if clip.fit == BACKDROP:
            pixels = lay_on_backdrop(pixels, frame)
        depth = self._sources.pictures(clip.depth)[..., 0] if clip.depth else None
        return prepare_scene(pixels, windows, clip, frame, (self._grade(clip), depth))

    def _grade(self, clip: Clip) -> Callable[[Image], Image] | None:
        film = self.film
        if film.grade is None or film.grade_strength == 0 or not clip.graded:
            return None
        return functools.partial(
            apply_lut, lut=self._sources.luts[film.grade], strength=film.grade_strength
        )


def photo_size(photo: bytes | Image) -> Size:
    """Return width and height of a photo as it is looked at; BadImage if it is none."""
    if not isinstance(photo, bytes):
        return photo.shape[1], photo.shape[0]
    header = read_header(photo)
    return header.width, header.height


def needed_side(size: Size, windows: Windows, frame: Size) -> int:
    """Return how long the photo's shorter side must be for the camera's closest view."""
    return ceil(needed_density(windows, frame) * min(1.0, size[1] / size[0]))


def _pixels(photo: bytes | Image, min_side: int) -> AbstractContextManager[Image]:
    """Give a photo's pixels, and hold their memory while they are made into a scene."""
    return opened(photo, MAX_PIXELS, min_side) if isinstance(photo, bytes) else nullcontext(photo)
