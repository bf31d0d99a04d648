"""From photos, a template and a track's beats to a film: clips, transitions and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from serving.errors import BadInput
from serving.video.edit.assembly import CARD, Assembly, Edit, EditOptions, Shape
from serving.video.edit.cut_points import (
    Music,
    beat_cut_points,
    halve_cut_points,
    steady_cut_points,
)
from serving.video.edit.pacing import CutPoints, Share, choose_cuts, energy_clock, possible_counts
from serving.video.edit.photo_order import FilmPhoto, check_photos, choose_photos
from serving.video.edit.templates import Template
from serving.video.film import Film, check_film

_HALVINGS = 5
_SHORTEST_FRAMES, _MOST_FRAMES = 2, 400_000
SHORTEST_CAPTION_S = 1.0  # nobody reads one that is seen for less


@dataclass(frozen=True)
class Timeline:
    """A film and how it came about.

    Parameters
    ----------
    film : without overlays
    cuts : frame of each cut; its transition is centred there
    sources : for every clip the index of its photo, or CARD
    left_out : indices of photos that found no room
    """

    film: Film
    cuts: tuple[int, ...]
    sources: tuple[int, ...]
    left_out: tuple[int, ...]

    def span(self, clip: int) -> tuple[int, int]:
        """Frames of a clip from cut to cut: first and one past the last."""
        return (0, *self.cuts)[clip], (*self.cuts, self.film.frames)[clip]


def wanted_frames(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    options: EditOptions,
    music: Music | None,
) -> int:
    """Say how long a film will be: as wished, or every photo its due, ending on a beat.

    The track has to be looped or trimmed to this length before its beats are final.
    """
    if options.edits:
        return _edges(options.edits, shape)[-1]
    if options.frames is not None:
        if not _SHORTEST_FRAMES <= options.frames <= _MOST_FRAMES:
            raise BadInput(
                f"a film of {options.frames} frames; {_SHORTEST_FRAMES}-{_MOST_FRAMES} can be"
            )
        return options.frames
    fps = float(shape.fps)
    seconds = sum(_dues_s(photos, template, options))
    seconds += template.brand.intro_s * (options.intro is not None)
    seconds += template.brand.outro_s * (options.outro is not None)
    frames = max(round(seconds * fps), _SHORTEST_FRAMES)
    if music is None:
        return frames
    ends = music.downbeats_s if music.downbeats_s.size else music.beats_s
    ends = np.rint(ends * fps).astype(np.int64)
    near = ends[np.abs(ends - frames) < 0.1 * frames]
    return int(near[np.abs(near - frames).argmin()]) if near.size else frames


def make_timeline(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    options: EditOptions,
    music: Music | None = None,
) -> Timeline:
    """Cut a film.

    Parameters
    ----------
    photos : at least one, in the order of the film (see `order.order_by_room`)
    template : the style
    shape : of the film
    options : its length and cards
    music : beats in the film's time; without it, or with fewer than two beats, the rhythm is steady

    Returns
    -------
    Timeline
        Of exactly the frames of `wanted_frames`. Every cut lies where it was put by hand, else on
        the frame nearest to a beat, unless the track has none for longer than `max_dwell_s`. The
        same arguments give the same film; a photo that is replaced changes only its own clip and
        the transitions beside it.

    Raises
    ------
    BadInput
        No photos, impossible sizes or lengths, or a timeline that cannot be.
    """
    check_photos(photos)
    if options.edits:
        return _cut_by_hand(photos, template, shape, options, music)
    frames = wanted_frames(photos, template, shape, options, music)
    music = music if music is not None and _has_rhythm(music, frames, shape) else None
    template = _readable(template, photos)
    points, order = _plan(photos, template, shape, options, (frames, music))
    shown = [
        *([CARD] * (options.intro is not None)),
        *order,
        *([CARD] * (options.outro is not None)),
    ]
    shares = _shares([photos[i] for i in order], template, shape, options, frames)
    energy = music.energy if music else np.zeros(0)
    step_s = music.energy_step_s if music else 1.0
    clock = energy_clock(frames, float(shape.fps), energy, step_s, template.pacing.energy)
    cuts = choose_cuts(points, shares, clock)
    assembly = Assembly(photos, template, shape, options, music)
    film = assembly.make_film(tuple(shown), cuts, frames)
    return Timeline(film, cuts, tuple(shown), _missing(photos, order))


def _cut_by_hand(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    options: EditOptions,
    music: Music | None,
) -> Timeline:
    edits, edges = options.edits, _edges(options.edits, shape)
    for edit, card, name in (
        (edits[0], options.intro, "intro"),
        (edits[-1], options.outro, "outro"),
    ):
        if edit.source == CARD and card is None:
            raise BadInput(
                f"the timeline has an {name} card: the template '{template.name}' draws none, "
                "or there are no words for it"
            )
    shown, cuts = tuple(edit.source for edit in edits), edges[1:-1]
    film = Assembly(photos, template, shape, options, music).make_film(shown, cuts, edges[-1])
    check_film(film)
    return Timeline(film, cuts, shown, _missing(photos, shown))


def _missing(photos: Sequence[FilmPhoto], shown: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(set(range(len(photos))) - set(shown)))


def _edges(edits: Sequence[Edit], shape: Shape) -> tuple[int, ...]:
    """Return the frames of all cuts, the film's ends included; lengths add up before rounding."""
    ends_s = accumulate((edit.length_s for edit in edits), initial=0.0)
    edges = tuple(round(end_s * float(shape.fps)) for end_s in ends_s)
    for number, (low, high) in enumerate(pairwise(edges)):
        if high <= low:
            raise BadInput(f"clip {number} of the timeline is shorter than a frame")
    if edges[-1] > _MOST_FRAMES:
        raise BadInput(f"a film of {edges[-1]} frames; {_MOST_FRAMES} can be at most")
    return edges


def _has_rhythm(music: Music, frames: int, shape: Shape) -> bool:
    at = np.unique(np.rint(music.beats_s * float(shape.fps)))
    return int(((at > 0) & (at < frames)).sum()) >= 2


def _readable(template: Template, photos: Sequence[FilmPhoto]) -> Template:
    """Return the template slow enough that every caption can be read."""
    pacing = template.pacing
    if not template.brand.captions or not any(photo.caption for photo in photos):
        return template
    shortest_s = max(pacing.min_dwell_s, SHORTEST_CAPTION_S)
    return template.model_copy(
        update={"pacing": pacing.model_copy(update={"min_dwell_s": shortest_s})}
    )


def _dues_s(photos: Sequence[FilmPhoto], template: Template, options: EditOptions) -> list[float]:
    """Say how long each photo is due."""
    pacing = template.pacing
    dues = [pacing.dwell_s * min(max(photo.weight, 0.25), 4.0) ** pacing.hero for photo in photos]
    return [max(dues[0], _opening_s(photos, template, options)), *dues[1:]]


def _opening_s(photos: Sequence[FilmPhoto], template: Template, options: EditOptions) -> float:
    """Say how long the first photo is due for its title, and to be seen without it."""
    captioned = bool(options.opening_s and photos[0].caption and template.brand.captions)
    return min(options.opening_s + SHORTEST_CAPTION_S * captioned, template.pacing.max_dwell_s)


def _bounds(template: Template, shape: Shape, options: EditOptions, frames: int) -> Share:
    """Return the dwell bounds; a film shorter than one dwell is one clip."""
    room = frames if options.intro is None and options.outro is None else frames // 3
    shortest = max(1, min(round(template.pacing.min_dwell_s * shape.fps), room))
    longest = int(template.pacing.max_dwell_s * shape.fps)
    return Share(1.0, shortest, max(longest, 2 * shortest))  # twice: then no length has a gap


def _card(seconds: float, shape: Shape, frames: int) -> Share:
    """Return a card's share: near its length, and never more than a third of the film."""
    wanted = min(seconds * float(shape.fps), frames / 3)
    return Share(wanted, max(1, int(0.6 * wanted)), max(2, int(1.6 * wanted)))


def _shares(
    photos: Sequence[FilmPhoto], template: Template, shape: Shape, options: EditOptions, frames: int
) -> list[Share]:
    body = _bounds(template, shape, options, frames)
    cards = [
        _card(seconds, shape, frames) if name is not None else None
        for name, seconds in (
            (options.intro, template.brand.intro_s),
            (options.outro, template.brand.outro_s),
        )
    ]
    left = frames - sum(card.weight for card in cards if card)
    dues = np.array(_dues_s(photos, template, options))
    dues *= left / dues.sum()  # in frames, as the cards' weights are
    opening = min(_opening_s(photos, template, options) * float(shape.fps), left / 2)
    if len(dues) > 1 and dues[0] < opening:  # a title takes as long to read in a short film
        dues[1:] *= (left - opening) / (left - dues[0])
        dues[0] = opening
    middle = [Share(due, body.shortest, body.longest) for due in dues.tolist()]
    return [*([cards[0]] if cards[0] else []), *middle, *([cards[1]] if cards[1] else [])]


def _plan(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    options: EditOptions,
    track: tuple[int, Music | None],
) -> tuple[CutPoints, tuple[int, ...]]:
    """Find points for cuts that some number of clips can use, and the photos for that number."""
    frames, music = track
    body = _bounds(template, shape, options, frames)
    first = _card(template.brand.intro_s, shape, frames) if options.intro is not None else None
    last = _card(template.brand.outro_s, shape, frames) if options.outro is not None else None
    if music is None:
        clips = max(min(len(photos), frames // body.shortest), -(-frames // body.longest))
        points = steady_cut_points(frames, clips + (first is not None) + (last is not None))
    else:
        points = beat_cut_points(music, frames, float(shape.fps), template.pacing.bar_pull)
    room = frames - sum(card.weight for card in (first, last) if card)
    room -= min(_opening_s(photos, template, options) * float(shape.fps), room / 2)

    def fitting(counts: tuple[int, ...]) -> tuple[int, ...]:
        few = tuple(count for count in counts if (count - 1) * body.shortest <= room)
        return counts if options.keep_all else few or counts

    for halving in range(_HALVINGS + 1):
        counts = possible_counts(points.frames, body, first, last)
        enough = bool(counts) and (counts[-1] >= len(photos) or not options.keep_all)
        if enough or (counts and halving == _HALVINGS):
            return points, choose_photos(photos, fitting(counts))
        points = halve_cut_points(points)
    raise BadInput(
        f"{frames} frames cannot be filled with clips of "
        f"{body.shortest} to {body.longest} frames and the cards"
    )
