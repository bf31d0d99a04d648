"""What a film consists of: the words that its timeline, its frames and its file share.

The timeline makes a `Film` from photos, beats and a template; the picture and `serving.render` turn
it into frames and a file. Everything here is a value: names of photos and pictures, never pixels.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from serving.errors import BadInput

FILL, BACKDROP = "fill", "backdrop"


@dataclass(frozen=True)
class View:
    """What the camera sees of an upright photo: a window of the film's aspect ratio.

    Parameters
    ----------
    x, y : its centre, 0..1 of the photo's width and height
    scale : its size relative to the largest window of that aspect ratio that fits in the photo,
        0 < scale <= 1

    A window that would reach past an edge is moved inside: there is never a black border.
    """

    x: float
    y: float
    scale: float


@dataclass(frozen=True)
class Motion:
    """The camera's way from one view to another.

    Parameters
    ----------
    start, end : the views of the clip's first and last frame
    curve : (time, progress) points from (0, 0) to (1, 1), time rising and progress never falling;
        PCHIP goes through them, two points are a straight line
    """

    start: View
    end: View
    curve: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class Transition:
    """How a clip turns into the next; `kind` is a name in `draw.transitions.KINDS`."""

    kind: str
    frames: int  # in which both clips take part; 0 for a cut
    params: tuple[tuple[str, float | str], ...] = ()


@dataclass(frozen=True)
class Clip:
    """One photo under a moving camera.

    Parameters
    ----------
    photo : name of the photo, such as its content hash
    frames : all in which it is seen, those of the transitions on both sides included
    motion : the camera's way during these frames
    fit : `fill`, or `backdrop`: the whole photo before a blurred copy of itself, for one whose crop
        would lose too much; the views then refer to the composed picture, of the film's aspect
    depth : name of a depth picture (grey, near is bright) for parallax and depth of field
    parallax : how far the nearest layer moves against the farthest, 0..0.1 of the frame's width
    focus_blur : blur of what is out of focus, 0..0.02 of the frame's width
    graded : whether it goes through the film's grade; cards do not
    """

    photo: str
    frames: int
    motion: Motion
    fit: str = FILL
    depth: str | None = None
    parallax: float = 0.0
    focus_blur: float = 0.0
    graded: bool = True


@dataclass(frozen=True)
class Pin:
    """A spot that an overlay follows, 0..1 of both sides of what a clip's views refer to."""

    clip: int
    x: float
    y: float


@dataclass(frozen=True)
class Overlay:
    """A picture with transparency that lies on the film.

    Parameters
    ----------
    picture : name of an RGBA picture: a rendered title, a logo
    start, frames : the film's frames in which it is seen
    x, y : where its anchor lies, 0..1 of the frame; with `pinned_to`, how far from the spot
    anchor : which point of the picture that is: `centre`, or the words `top`, `bottom`, `left` and
        `right`, joined by a hyphen: `top-left`, `bottom`
    width : of the frame's width; the height follows from the picture's shape
    opacity : 0..1
    fade_in, fade_out : frames at either end
    pinned_to : a spot that it follows under the camera's motion
    """

    picture: str
    start: int
    frames: int
    x: float
    y: float
    anchor: str
    width: float
    opacity: float = 1.0
    fade_in: int = 0
    fade_out: int = 0
    pinned_to: Pin | None = None


@dataclass(frozen=True)
class Film:
    """Clips, the transitions between them, and what lies on top.

    Parameters
    ----------
    width, height : of the frame in pixels, both even
    fps : frames per second
    clips : at least one
    transitions : one between each two clips; transition i covers the last frames of clip i and the
        first of clip i + 1
    overlays : later ones lie on earlier ones
    grade : name of a 3D LUT that all photos go through
    grade_strength : 0..1, how much of it
    """

    width: int
    height: int
    fps: Fraction
    clips: tuple[Clip, ...]
    transitions: tuple[Transition, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    grade: str | None = None
    grade_strength: float = 1.0

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return sum(c.frames for c in self.clips) - sum(t.frames for t in self.transitions)

    @property
    def starts(self) -> tuple[int, ...]:
        """The film's frame at which each clip begins, its transition included."""
        steps = [c.frames - t.frames for c, t in zip(self.clips, self.transitions, strict=False)]
        return tuple(accumulate(steps, initial=0))


def check_film(film: Film) -> None:
    """Raise BadInput, with the reason, unless `film` can be rendered."""
    _check_frame(film)
    _check_lengths(film)
    for clip in film.clips:
        _check_motion(clip.motion)
        if clip.fit not in (FILL, BACKDROP):
            raise BadInput(f"a clip's fit is '{FILL}' or '{BACKDROP}', not '{clip.fit}'")
    for overlay in film.overlays:
        if overlay.pinned_to and not 0 <= overlay.pinned_to.clip < len(film.clips):
            raise BadInput(f"an overlay is pinned to clip {overlay.pinned_to.clip}: there is none")


def _check_frame(film: Film) -> None:
    if film.width % 2 or film.height % 2 or min(film.width, film.height) < 16:
        raise BadInput(f"a frame of {film.width}x{film.height}: both must be even, 16 at least")
    if not 1 <= film.fps <= 120:
        raise BadInput(f"{film.fps} frames per second are not between 1 and 120")


def _check_lengths(film: Film) -> None:
    if not film.clips:
        raise BadInput("a film needs at least one clip")
    if len(film.transitions) != len(film.clips) - 1:
        raise BadInput(f"{len(film.clips)} clips and {len(film.transitions)} transitions")
    around = [0, *(transition.frames for transition in film.transitions), 0]
    if min(around) < 0:
        raise BadInput("a transition of less than 0 frames")
    for number, (clip, (before, after)) in enumerate(
        zip(film.clips, pairwise(around), strict=True)
    ):
        if clip.frames < max(1, before + after):
            raise BadInput(
                f"clip {number} has {clip.frames} frames, its transitions need {before + after}"
            )


def _check_motion(motion: Motion) -> None:
    for view in (motion.start, motion.end):
        if not (0 <= view.x <= 1 and 0 <= view.y <= 1 and 0 < view.scale <= 1):
            raise BadInput(f"{view} is outside 0..1")
    curve = motion.curve
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(curve))
    if len(curve) < 2 or curve[0] != (0, 0) or curve[-1] != (1, 1) or not rising:
        raise BadInput(f"a motion's curve must rise from (0, 0) to (1, 1), not {curve}")
