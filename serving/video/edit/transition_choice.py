"""Which transition joins two clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from serving.video.edit.templates import Transitions, TransitionStyle
from serving.video.film import Transition

# Multiples of the golden ratio fill 0..1 evenly in any run of them: kinds come in their shares and
# well mixed, and a choice depends on the place, not on photos: one that is replaced changes none.
_GOLDEN = 0.6180339887498949
_QUIET = ("", "cut", "crossfade")
_MOST_OF_A_CLIP = 0.4  # of the shorter neighbour; the rest shows one photo alone


@dataclass(frozen=True)
class Junction:
    """Where two clips meet.

    Parameters
    ----------
    number : running
    new_room : whether the next photo shows another room
    energy : of the music there, 0..1
    section : whether a section of the music begins there
    before : kind of the transition before this one
    """

    number: int
    new_room: bool
    energy: float
    section: bool
    before: str = ""


def choose_transition(styles: Transitions, junction: Junction, fps: Fraction) -> Transition:
    """Choose a kind by the styles' shares among those that fit the music's energy.

    What catches the eye is not taken twice running; cuts and crossfades may be.
    """
    pool: Sequence[TransitionStyle] = styles.ordinary
    if junction.new_room and styles.new_room:
        pool = styles.new_room
    if junction.section and (styles.section or styles.new_room):
        pool = styles.section or styles.new_room
    fitting = [s for s in pool if s.energy[0] <= junction.energy <= s.energy[1]] or list(pool)
    if junction.before not in _QUIET:
        fitting = [s for s in fitting if s.kind != junction.before] or fitting
    spot = (junction.number + 1) * _GOLDEN % 1 * sum(style.share for style in fitting)
    for style in fitting:
        spot -= style.share
        if spot < 0:
            break
    params = tuple(sorted(style.params.items()))
    return Transition(style.kind, even_frames(style.length_s, fps), params)


def even_frames(length_s: float, fps: Fraction) -> int:
    """Return a transition's frames: even, so that it can be centred on its cut.

    Examples
    --------
    >>> [even_frames(length_s, Fraction(30)) for length_s in (0.5, 0.01, 0)]
    [16, 2, 0]
    """
    return 2 * max(1, round(length_s * fps / 2)) if length_s else 0


def fit_transition(wanted: Transition, before: int, after: int) -> Transition:
    """Shorten a transition to what clips of `before` and `after` frames can spare.

    Examples
    --------
    >>> fit_transition(Transition("slide", 30), 20, 100).frames
    8
    >>> fit_transition(Transition("slide", 30), 4, 100)
    Transition(kind='cut', frames=0, params=())
    """
    frames = min(wanted.frames, 2 * int(_MOST_OF_A_CLIP * min(before, after) / 2))
    return Transition(wanted.kind, frames, wanted.params) if frames else Transition("cut", 0)
