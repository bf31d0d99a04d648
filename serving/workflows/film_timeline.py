"""A timeline cut by hand: from the request to the film, and from a film back to a request."""

from collections.abc import Sequence
from fractions import Fraction

from serving.errors import BadInput
from serving.requests.timeline import CameraSpec, ClipSpec, TimelineSpec, TransitionSpec, ViewSpec
from serving.video.edit.assembly import CARD, Camera, Edit
from serving.video.edit.timeline import Timeline
from serving.video.film import BACKDROP, FILL, Clip, Transition, View


def edits_of(spec: TimelineSpec, numbers: Sequence[int]) -> tuple[Edit, ...]:
    """Return the timeline in the form that `make_timeline` takes.

    The time of a photo that was skipped goes to the clip before it, or to the one after where there
    is none: every other cut stays where it was.

    Parameters
    ----------
    numbers : of the photos that there are, their places in the request
    """
    places = {number: place for place, number in enumerate(numbers)}
    kept: list[tuple[ClipSpec, float]] = []
    waiting_s = 0.0
    for clip in spec.clips:
        if clip.photo is None or clip.photo in places:
            kept.append((clip, clip.length_s + waiting_s))
            waiting_s = 0.0
        elif kept:
            kept[-1] = kept[-1][0], kept[-1][1] + clip.length_s
        else:
            waiting_s += clip.length_s
    if all(clip.photo is None for clip, _ in kept):
        raise BadInput("no photo of the timeline can be read")
    return tuple(
        Edit(
            CARD if clip.photo is None else places[clip.photo],
            length_s,
            _camera(clip.camera) if clip.camera else None,
            _transition(clip.transition) if clip.transition else None,
        )
        for clip, length_s in kept
    )


def _camera(spec: CameraSpec) -> Camera:
    start, end = (View(view.x, view.y, view.scale) for view in (spec.start, spec.end))
    curve = tuple(spec.curve) if isinstance(spec.curve, list) else spec.curve
    return Camera(start, end, curve, BACKDROP if spec.fit == "backdrop" else FILL)


def _transition(spec: TransitionSpec) -> tuple[str, float, tuple[tuple[str, float | str], ...]]:
    return spec.kind, spec.seconds, tuple(sorted(spec.params.items()))


def timeline_of(timeline: Timeline, numbers: Sequence[int]) -> TimelineSpec:
    """Return a film's timeline as a request would say it: asked for, it gives the same film."""
    fps, film = timeline.film.fps, timeline.film
    clips = []
    for index, source in enumerate(timeline.sources):
        low, high = timeline.span(index)
        last = index == len(film.clips) - 1
        card = None if source != CARD else "outro" if last else "intro"
        clips.append(
            ClipSpec(
                photo=None if source == CARD else numbers[source],
                card=card,
                length_s=float((high - low) / fps),
                camera=None if source == CARD else _camera_of(film.clips[index]),
                transition=None if last else _transition_of(film.transitions[index], fps),
            )
        )
    return TimelineSpec(clips=clips)


def _camera_of(clip: Clip) -> CameraSpec:
    start, end = (
        ViewSpec(x=view.x, y=view.y, scale=view.scale)
        for view in (clip.motion.start, clip.motion.end)
    )
    fit = "backdrop" if clip.fit == BACKDROP else "fill"
    return CameraSpec(start=start, end=end, curve=list(clip.motion.curve), fit=fit)


def _transition_of(transition: Transition, fps: Fraction) -> TransitionSpec:
    length_s = float(transition.frames / fps)
    return TransitionSpec(kind=transition.kind, length_s=length_s, params=dict(transition.params))
