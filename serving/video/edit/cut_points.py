"""The frames where a film may cut: a track's beats, or a steady rhythm without one."""

from dataclasses import dataclass

import numpy as np

from serving.errors import BadInput
from serving.video.edit.pacing import CutPoints, Floats, Ints

# Against a clip 25 % off its due time (0.05): a downbeat is worth that, a missed beat never.
_OFF_BAR, _OFF_BEAT, _SECTION = 0.05, 4.0, -0.15
# A cut half a frame from its beat costs this much, one that is near it little: beats are heard to a
# few milliseconds, so one midway between two frames is cut on the wrong side every other time.
_BETWEEN_FRAMES = 0.2
_FEWEST_BEATS = 2


@dataclass(frozen=True, eq=False)
class Music:
    """What is known of a track, in the film's time: 0 s is the film's first frame.

    Parameters
    ----------
    beats_s : rising
    downbeats_s : those beats that begin a bar; may be empty
    energy : 0..1, one value every `energy_step_s`; may be empty
    sections_s : where sections begin (a verse, a drop); may be empty
    """

    beats_s: Floats
    downbeats_s: Floats
    energy: Floats
    energy_step_s: float
    sections_s: Floats


def make_music(
    beats_s: object,
    downbeats_s: object = (),
    energy: object = (),
    energy_step_s: float = 0.1,
    sections_s: object = (),
) -> Music:
    """Build `Music` from any sequences of numbers.

    Raises
    ------
    BadInput
        Times or energies that are not finite numbers, or a step that is not positive.
    """
    arrays = [np.asarray(a, np.float64).ravel() for a in (beats_s, downbeats_s, energy, sections_s)]
    if not all(np.isfinite(array).all() for array in arrays) or not energy_step_s > 0:
        raise BadInput("beats, energy and sections must be finite numbers, their step above 0")
    beats, downbeats, levels, sections = arrays
    return Music(np.unique(beats), np.unique(downbeats), levels, energy_step_s, np.unique(sections))


def beat_cut_points(music: Music, frames: int, fps: float, bar_pull: float = 1.0) -> CutPoints:
    """Snap a track's beats to frames: the points where cuts may lie.

    Of two beats that suit a photo alike, the one nearer to a frame costs less. Where the track has
    no beats for a while (an intro, its end), the nearest beats' rhythm goes on; such points cost so
    much that they are used only where a clip would get too long.

    Parameters
    ----------
    music : beats in the film's time
    frames, fps : the film's
    bar_pull : how much a downbeat is preferred to other beats, 0..1

    Raises
    ------
    BadInput
        Fewer than two beats within the film.
    """
    beats = _inside(music.beats_s, frames, fps)
    if beats.size < _FEWEST_BEATS:
        raise BadInput("a track with fewer than two beats gives no rhythm")
    added = _rhythm_in_gaps(beats, frames)
    costs = dict.fromkeys(added.tolist(), _OFF_BEAT)
    downbeats = set(_inside(music.downbeats_s, frames, fps).tolist())
    sections = set(_nearest(beats, _inside(music.sections_s, frames, fps)).tolist())
    away = _frames_away(beats, music.beats_s * fps)
    for beat, off in zip(beats.tolist(), away.tolist(), strict=True):
        costs[beat] = 0.0 if beat in downbeats or not downbeats else _OFF_BAR * bar_pull
        costs[beat] += _SECTION * (beat in sections) + _BETWEEN_FRAMES * (2 * off) ** 2
    costs |= {0: 0.0, frames: 0.0}
    at = np.array(sorted(costs), np.int64)
    return CutPoints(at, np.array([costs[frame] for frame in at.tolist()]))


def steady_cut_points(frames: int, clips: int) -> CutPoints:
    """Divide a film without music so finely that every clip gets a whole number of equal steps.

    Examples
    --------
    >>> steady_cut_points(16, 2).frames.tolist()
    [0, 2, 4, 6, 8, 10, 12, 14, 16]
    """
    steps = min(4 * clips, frames)
    at = np.unique(np.rint(np.linspace(0, frames, steps + 1)).astype(np.int64))
    return CutPoints(at, np.zeros(at.size))


def halve_cut_points(points: CutPoints) -> CutPoints:
    """Add the frame midway between each two points, for bounds that beats alone cannot keep."""
    between = (points.frames[1:] + points.frames[:-1]) // 2
    at, first = np.unique(np.concatenate([points.frames, between]), return_index=True)
    costs = np.concatenate([points.costs, np.full(between.size, _OFF_BEAT)])
    return CutPoints(at, costs[first])


def _inside(times_s: Floats, frames: int, fps: float) -> Ints:
    """Return the frames nearest to `times_s` that lie within the film, each once."""
    at = np.unique(np.rint(times_s * fps).astype(np.int64))
    return at[(at > 0) & (at < frames)]


def _frames_away(frames: Ints, at: Floats) -> Floats:
    """Say how far each frame is from the nearest of two or more rising points, in frames."""
    after = np.searchsorted(at, frames).clip(1, at.size - 1)
    away: Floats = np.minimum(np.abs(at[after] - frames), np.abs(at[after - 1] - frames))
    return away


def _nearest(beats: Ints, frames: Ints) -> Ints:
    nearest: Ints = beats[np.abs(beats[None] - frames[:, None]).argmin(axis=1)]
    return nearest


def _rhythm_in_gaps(beats: Ints, frames: int) -> Ints:
    """Continue the rhythm where the next beat is more than two and a half periods away."""
    period = float(np.median(np.diff(beats)))
    edges = np.concatenate([[0], beats, [frames]])
    added: list[Ints] = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if high - low > 2.5 * period:
            back = high != frames and low == 0  # an intro counts back from its first beat
            steps = np.arange(1, int((high - low) / period + 0.5)) * period
            at = high - steps if back else low + steps
            added.append(np.rint(at).astype(np.int64))
    found = np.concatenate(added) if added else np.zeros(0, np.int64)
    inside: Ints = np.unique(found[(found > 0) & (found < frames)])
    return inside
