"""Is the finished film as planned? Black, frozen or repeated frames, wrong cuts, lengths, sound.

Every judgement is against the plan: a picture that hardly changes is a fault only where the camera
should have moved over something that shows it. So a slow camera, a white wall, a card and a dip to
black pass, and the same frames elsewhere do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from serving.video.film import Film
from serving.video.measures import Floats, FrameFigures, SoundFigures, expect_motion
from serving.video.motion import Size

Mask = NDArray[np.bool_]

_ALL_BLACK = 0.9  # the rest may be a logo and a caption on a picture that is missing
# Of the change that the camera's way over the picture's detail should make, films show 0.6 to 1.2
# and frames that stand still, after H.264, up to 0.15. Beyond 3 px the change stops growing.
_STILL, _FURTHEST_PX = 0.25, 3.0
_LEAST_PX, _LEAST_CHANGE = 0.75, 1.0  # less cannot be told from what the encoder does
_REPEATED_CHANGE, _REPEATED_AMONG = 0.08, 0.4
_JUMP, _JUMP_AGAINST = 6.0, 8.0
_NEAR = 11  # frames around one, for what is usual there
_SILENT_DB, _SILENT_S = -60.0, 1.5
_GAP_PERIODS = 2.5  # as `places` has it: where beats are further apart the track has none


@dataclass(frozen=True)
class Finding:
    """One fault: its kind, the film's frame to look at, and the reason in words."""

    kind: str
    frame: int
    reason: str


@dataclass(frozen=True, eq=False)
class Expected:
    """What the plan says of every frame, shape (frames,); (frames, 2) for `motion`.

    Parameters
    ----------
    motion : pixels that the picture moves since the frame before, sideways and up or down
    may_be_dark : cards, dips and photos that are dark themselves
    may_jump : cuts, transitions, and the ends of overlays
    """

    motion: Floats
    may_be_dark: Mask
    may_jump: Mask

    def cut(self, frames: int) -> "Expected":
        """Return what is expected of the first `frames` only."""
        return Expected(self.motion[:frames], self.may_be_dark[:frames], self.may_jump[:frames])


def expect(film: Film, sizes: Mapping[str, Size], dark: frozenset[str] = frozenset()) -> Expected:
    """Derive from the plan what its frames should do.

    Parameters
    ----------
    film : the plan
    sizes : (width, height) by photo
    dark : names of photos and cards that are almost black themselves
    """
    may_be_dark, may_jump = np.zeros(film.frames, bool), np.zeros(film.frames + 1, bool)
    for clip, start in zip(film.clips, film.starts, strict=True):
        may_be_dark[start : start + clip.frames] |= clip.photo in dark
    for transition, start in zip(film.transitions, film.starts[1:], strict=True):
        end = start + transition.frames
        may_jump[start : end + 1] = True
        may_be_dark[start:end] |= transition.kind == "dip"
    for overlay in film.overlays:
        may_jump[[overlay.start, overlay.start + overlay.frames]] = True
    return Expected(expect_motion(film, sizes), may_be_dark, may_jump[:-1])


def check_frames(figures: FrameFigures, expected: Expected) -> tuple[Finding, ...]:
    """Look for black, frozen and repeated frames, and for jumps that nobody planned.

    Parameters
    ----------
    figures : of the decoded film
    expected : see `expect`

    Returns
    -------
    tuple of Finding
        In the film's order; one for each run of faulty frames, at its first frame. A wrong number
        of frames is the first; then only the frames that both have are judged.
    """
    count, planned = len(figures.dark), len(expected.motion)
    findings = []
    if count != planned:
        reason = f"the film has {count} frames where {planned} were planned"
        findings.append(Finding("length", min(count, planned), reason))
    shared = min(count, planned)
    figures, expected = figures.cut(shared), expected.cut(shared)
    if not shared:
        return tuple(findings)
    found = [
        *_find_black(figures, expected),
        *_find_frozen(figures, expected),
        *_find_repeated(figures, expected),
        *_find_jumps(figures, expected),
    ]
    return (*findings, *sorted(found, key=lambda finding: finding.frame))


def _find_black(figures: FrameFigures, expected: Expected) -> list[Finding]:
    black = (figures.dark > _ALL_BLACK) & ~expected.may_be_dark
    return [Finding("black", first, f"{end - first} black frames") for first, end in _runs(black)]


def _find_frozen(figures: FrameFigures, expected: Expected) -> list[Finding]:
    """Find frames that look like the one half a second before though the camera went on."""
    lag = figures.lag
    so_far = np.concatenate([np.zeros((1, 2)), np.cumsum(expected.motion, axis=0)])
    moved = np.zeros_like(expected.motion)
    moved[lag:] = so_far[lag + 1 :] - so_far[1 : len(moved) - lag + 1]
    due = (np.minimum(moved, _FURTHEST_PX) * figures.detail).sum(axis=1)
    jumps = np.concatenate([[0], np.cumsum(expected.may_jump)])
    whole = np.zeros(len(moved), bool)  # no cut or transition in the half second
    whole[lag:] = jumps[lag + 1 :] == jumps[1 : len(moved) - lag + 1]
    way = np.hypot(moved[:, 0], moved[:, 1])
    still = whole & (way >= _LEAST_PX) & (due >= _LEAST_CHANGE) & (figures.drift < _STILL * due)
    return [
        Finding("frozen", first, f"for {lag} frames nothing moves, the camera {way[first]:.1f} px")
        for first, _ in _runs(still)
    ]


def _find_repeated(figures: FrameFigures, expected: Expected) -> list[Finding]:
    """Find frames that equal the one before while those before and after change."""
    usual = np.minimum(_usual_beside(figures.difference, -1), _usual_beside(figures.difference, 1))
    repeated = (figures.difference < _REPEATED_CHANGE * usual) & (usual > _REPEATED_AMONG)
    repeated &= expected.motion.any(axis=1)
    repeated[0] = False
    return [
        Finding("repeated", first, f"{end - first} frames repeat the one before")
        for first, end in _runs(repeated)
    ]


def _usual_beside(difference: Floats, side: int) -> Floats:
    """Return the second largest of four changes on one side.

    One key frame among them does not raise it; every other frame repeated does not lower it.
    """
    padded = np.pad(difference, 4, mode="edge")
    beside = [padded[4 + side * k : 4 + side * k + difference.size] for k in range(1, 5)]
    second: Floats = np.sort(beside, axis=0)[-2]
    return second


def _find_jumps(figures: FrameFigures, expected: Expected) -> list[Finding]:
    """Find changes of picture where neither a cut nor a transition was planned."""
    usual = median_filter(figures.difference, _NEAR, mode="nearest")
    moving = (expected.motion * figures.detail).sum(axis=1)
    limit = _JUMP + _JUMP_AGAINST * usual + 2 * moving
    jumps = np.flatnonzero((figures.difference > limit) & ~expected.may_jump)
    reason = "the picture changes at once where no cut was planned"
    return [Finding("jump", int(frame), reason) for frame in jumps if frame]


def check_cuts(cuts: tuple[int, ...], beats_s: Floats, fps: float) -> tuple[Finding, ...]:
    """Look for cuts further than half a frame from a beat, where the track has beats.

    Parameters
    ----------
    cuts : frames at which transitions are centred
    beats_s : the beats that the film was to follow, rising
    fps : frames per second
    """
    if beats_s.size < 2:
        return ()
    longest_gap_s = _GAP_PERIODS * float(np.median(np.diff(beats_s)))
    findings = []
    for cut in cuts:
        after = int(np.searchsorted(beats_s, cut / fps))
        around = beats_s[max(after - 1, 0) : after + 1]
        in_gap = around.size < 2 or np.ptp(around) > longest_gap_s
        away = float(np.abs(around - cut / fps).min())
        if away > 0.5 / fps + 1e-9 and not in_gap:
            reason = f"the cut is {1000 * away:.0f} ms from the nearest beat"
            findings.append(Finding("off_beat", cut, reason))
    return tuple(findings)


def check_sound(
    figures: SoundFigures, planned: SoundFigures | None, frames: int, fps: float
) -> tuple[Finding, ...]:
    """Look for clipped samples, silence and a wrong length.

    Parameters
    ----------
    figures : of the decoded file
    planned : of the mix before encoding: where that is silent, silence is no fault
    frames, fps : the film's
    """
    findings = []
    if abs(figures.seconds - frames / fps) > 1 / fps:
        reason = f"the sound lasts {figures.seconds:.3f} s, the film {frames / fps:.3f} s"
        findings.append(Finding("sound_length", min(frames, round(figures.seconds * fps)), reason))

    def frame_of(window: int) -> int:
        return min(frames - 1, int(window * figures.window_s * fps))

    for first, end in _runs(figures.clipped > 0):
        runs = int(figures.clipped[first:end].sum())
        findings.append(Finding("clipped", frame_of(first), f"{runs} runs of clipped samples"))
    silent = figures.rms_db < _SILENT_DB
    if planned is not None:
        shared = min(silent.size, planned.rms_db.size)
        silent[:shared] &= planned.rms_db[:shared] >= _SILENT_DB
    for first, end in _runs(silent):
        seconds = (end - first) * figures.window_s
        if seconds >= min(_SILENT_S, figures.seconds / 2):
            reason = f"{seconds:.1f} s of silence"
            findings.append(Finding("silent", frame_of(first), reason))
    return tuple(sorted(findings, key=lambda finding: finding.frame))


def _runs(flags: Mask) -> list[tuple[int, int]]:
    """Return first and one past the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
