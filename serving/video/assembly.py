"""Clips and transitions of a film whose cuts are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from serving.video.curves import make_curve
from serving.video.film import Clip, Film, Motion, Transition, View
from serving.video.order import Photo
from serving.video.pacing import Floats
from serving.video.places import Music
from serving.video.switches import Junction, choose_transition, fit_transition
from serving.video.templates import Template
from serving.video.views import Sight, choose_views

CARD = -1


@dataclass(frozen=True)
class Shape:
    """The film's frame in pixels and its frames per second."""

    width: int
    height: int
    fps: Fraction


@dataclass(frozen=True)
class Wish:
    """What the caller wants of the timeline.

    Parameters
    ----------
    frames : the film's exact length; None for what photos and template make of it
    intro, outro : names of card pictures before and after the photos
    keep_all : rather cut between beats than leave a photo out
    """

    frames: int | None = None
    intro: str | None = None
    outro: str | None = None
    keep_all: bool = False


@dataclass(frozen=True)
class Assembly:
    """Turns cuts into clips under a moving camera, and the transitions between them."""

    photos: Sequence[Photo]
    template: Template
    shape: Shape
    wish: Wish
    music: Music | None

    def make_film(self, shown: tuple[int, ...], cuts: tuple[int, ...], frames: int) -> Film:
        """Make a film of `frames` that shows `shown`: indices of photos, or CARD."""
        edges = (0, *cuts, frames)
        dwells = np.diff(edges).tolist()
        transitions: list[Transition] = []
        for i, cut in enumerate(cuts):
            before = transitions[-1].kind if transitions else ""
            wanted = self._transition(shown, i, cut, before)
            transitions.append(fit_transition(wanted, dwells[i], dwells[i + 1]))
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
            name = (
                self.wish.intro if index == 0 and self.wish.intro is not None else self.wish.outro
            )
            still = View(0.5, 0.5, 1.0)
            return Clip(name or "", frames, Motion(still, still))
        photo, style = self.photos[shown[index]], self.template.motion
        turn = index + shown[:index].count(shown[index])
        sight = Sight(
            (photo.width, photo.height),
            (self.shape.width, self.shape.height),
            photo.focus,
            frames / float(self.shape.fps),
            turn,
        )
        start, end, fit = choose_views(sight, style.moves[turn % len(style.moves)], style)
        curve = make_curve(style.curve, style.curve_strength, self._beats_within(span))
        deep = photo.depth is not None and fit == "fill"
        return Clip(
            photo.name,
            frames,
            Motion(start, end, curve),
            fit,
            photo.depth if deep else None,
            style.parallax if deep else 0.0,
            style.focus_blur if deep else 0.0,
        )

    def _beats_within(self, span: tuple[int, int]) -> tuple[float, ...]:
        if self.music is None:
            return ()
        at = (self.music.beats_s * float(self.shape.fps) - span[0]) / (span[1] - span[0])
        return tuple(at[(at >= 0) & (at < 1)].tolist())
