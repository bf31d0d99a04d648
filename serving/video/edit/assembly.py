"""Clips and transitions of a film whose cuts are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from serving.video.edit.camera_paths import PhotoView, choose_views
from serving.video.edit.cut_points import Music
from serving.video.edit.easing import Curve, make_curve
from serving.video.edit.pacing import Floats
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.templates import Template
from serving.video.edit.transition_choice import (
    Junction,
    choose_transition,
    even_frames,
    fit_transition,
)
from serving.video.film import FILL, Clip, Film, Motion, Transition, View

CARD = -1

Params = tuple[tuple[str, float | str], ...]


@dataclass(frozen=True)
class Shape:
    """The film's frame in pixels and its frames per second."""

    width: int
    height: int
    fps: Fraction


@dataclass(frozen=True)
class Camera:
    """A way over a photo that somebody chose; `curve` is a name, points, or the template's."""

    start: View
    end: View
    curve: str | Curve | None = None
    fit: str = FILL


@dataclass(frozen=True)
class Edit:
    """A clip of a timeline that is cut by hand; what is None the template chooses.

    Parameters
    ----------
    source : index of the photo, or CARD
    length_s : from cut to cut
    transition : into the next clip: kind, seconds, parameters
    """

    source: int
    length_s: float
    camera: Camera | None = None
    transition: tuple[str, float, Params] | None = None


@dataclass(frozen=True)
class EditOptions:
    """What the caller wants of the timeline.

    Parameters
    ----------
    frames : the film's exact length; None for what photos and template make of it
    intro, outro : names of card pictures before and after the photos
    opening_s : what the first photo is due at least: its title, and a look at it without
    keep_all : rather cut between beats than leave a photo out
    edits : the film cut by hand; nothing of the above but the cards counts then
    """

    frames: int | None = None
    intro: str | None = None
    outro: str | None = None
    opening_s: float = 0.0
    keep_all: bool = False
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Assembly:
    """Turns cuts into clips under a moving camera, and the transitions between them."""

    photos: Sequence[FilmPhoto]
    template: Template
    shape: Shape
    options: EditOptions
    music: Music | None

    def make_film(self, shown: tuple[int, ...], cuts: tuple[int, ...], frames: int) -> Film:
        """Make a film of `frames` that shows `shown`: indices of photos, or CARD."""
        edges = (0, *cuts, frames)
        dwells = np.diff(edges).tolist()
        transitions: list[Transition] = []
        for i, cut in enumerate(cuts):
            before = transitions[-1].kind if transitions else ""
            chosen = self._chosen_transition(i)
            if chosen is None:
                wanted = self._transition(shown, i, cut, before)
                chosen = fit_transition(wanted, dwells[i], dwells[i + 1])
            transitions.append(chosen)
        halves = [0, *(transition.frames // 2 for transition in transitions), 0]
        clips = tuple(
            self._clip(shown, i, (edges[i] - halves[i], edges[i + 1] + halves[i + 1]))
            for i in range(len(shown))
        )
        look = self.template.look
        return Film(
            self.shape.width,
            self.shape.height,
            self.shape.fps,
            clips,
            tuple(transitions),
            grade=look.name if look else None,
            grade_strength=look.strength if look else 1.0,
        )

    def _chosen_transition(self, index: int) -> Transition | None:
        chosen = self.options.edits[index].transition if self.options.edits else None
        if chosen is None:
            return None
        kind, seconds, params = chosen
        return Transition(kind, even_frames(seconds, self.shape.fps), params)

    def _transition(self, shown: tuple[int, ...], index: int, cut: int, before: str) -> Transition:
        one, other = shown[index], shown[index + 1]
        if CARD in (one, other):
            return Transition("crossfade", 2 * round(self.shape.fps / 4))
        new_room = self.photos[one].room != self.photos[other].room
        junction = Junction(index, new_room, self._energy_at(cut), self._turns(cut), before)
        return choose_transition(self.template.transitions, junction, self.shape.fps)

    def _energy_at(self, frame: int) -> float:
        if self.music is None or not self.music.energy.size:
            return 0.5
        energy: Floats = self.music.energy
        at = frame / float(self.shape.fps) / self.music.energy_step_s
        return float(np.interp(at, np.arange(energy.size), energy).clip(0, 1))

    def _turns(self, frame: int) -> bool:
        """Say whether the music changes to another section here, within a quarter second."""
        if self.music is None:
            return False
        away = np.abs(self.music.sections_s - frame / float(self.shape.fps))
        return bool((away < 0.25).any())

    def _clip(self, shown: tuple[int, ...], index: int, span: tuple[int, int]) -> Clip:
        frames = span[1] - span[0]
        if shown[index] == CARD:
            first = index == 0 and self.options.intro is not None
            still = View(0.5, 0.5, 1.0)
            name = self.options.intro if first else self.options.outro
            return Clip(name or "", frames, Motion(still, still), graded=False)
        photo, style = self.photos[shown[index]], self.template.motion
        motion, fit = self._way(shown, index, span)
        deep = photo.depth is not None and fit == FILL
        return Clip(
            photo.name,
            frames,
            motion,
            fit,
            photo.depth if deep else None,
            style.parallax if deep else 0.0,
            style.focus_blur if deep else 0.0,
        )

    def _way(self, shown: tuple[int, ...], index: int, span: tuple[int, int]) -> tuple[Motion, str]:
        """Return the camera's way over a photo, and how the photo fits the frame."""
        photo, style = self.photos[shown[index]], self.template.motion
        chosen = self.options.edits[index].camera if self.options.edits else None
        curve: str | Curve = style.curve
        if chosen is not None:
            start, end, fit, curve = chosen.start, chosen.end, chosen.fit, chosen.curve or curve
        else:
            turn = index + shown[:index].count(shown[index])
            sight = PhotoView(
                (photo.width, photo.height),
                (self.shape.width, self.shape.height),
                photo.focus,
                (span[1] - span[0]) / float(self.shape.fps),
                turn,
            )
            start, end, fit = choose_views(sight, style.moves[turn % len(style.moves)], style)
        if isinstance(curve, str):
            curve = make_curve(curve, style.curve_strength, self._beats_within(span))
        return Motion(start, end, curve), fit

    def _beats_within(self, span: tuple[int, int]) -> tuple[float, ...]:
        if self.music is None:
            return ()
        at = (self.music.beats_s * float(self.shape.fps) - span[0]) / (span[1] - span[0])
        return tuple(at[(at >= 0) & (at < 1)].tolist())
