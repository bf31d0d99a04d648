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
_LEAST_SEEN = 0.3  # of the change that a shift should make: walls and blur show less than edges
_FROZEN_S, _FROZEN_PX, _FROZEN_CHANGE = 0.5, 0.75, 0.1
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
    """What the plan says of every frame, shape (frames,).

    Parameters
    ----------
    motion : pixels that the picture moves since the frame before
    may_be_dark : cards, dips and photos that are dark themselves
    may_jump : cuts, transitions, and the ends of overlays
    """

    motion: Floats
    may_be_dark: Mask
    may_jump: Mask


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


def check_frames(figures: FrameFigures, expected: Expected, fps: float) -> tuple[Finding, ...]:
    """Look for black, frozen and repeated frames, and for jumps that nobody planned.

    Parameters
    ----------
    figures : of the decoded film
    expected : see `expect`
    fps : frames per second

    Returns
    -------
    tuple of Finding
        In the film's order; one for each run of faulty frames, at its first frame. A wrong number
        of frames is the first; then only the frames that both have are judged.
    """
    count, planned = figures.mean.size, expected.motion.size
    findings = []
    if count != planned:
        reason = f"the film has {count} frames where {planned} were planned"
        findings.append(Finding("length", min(count, planned), reason))
    shared = min(count, planned)
    figures = FrameFigures(*(a[:shared] for a in vars(figures).values()))
    expected = Expected(*(a[:shared] for a in vars(expected).values()))
    if not shared:
        return tuple(findings)
    found = [
        *_find_black(figures, expected),
        *_find_frozen(figures, expected, fps),
        *_find_repeated(figures, expected),
        *_find_jumps(figures, expected),
    ]
    return (*findings, *sorted(found, key=lambda finding: finding.frame))


def _find_black(figures: FrameFigures, expected: Expected) -> list[Finding]:
    black = (figures.dark > _ALL_BLACK) & ~expected.may_be_dark
    return [Finding("black", first, f"{end - first} black frames") for first, end in _runs(black)]


def _find_frozen(figures: FrameFigures, expected: Expected, fps: float) -> list[Finding]:
    """Find stretches that should have moved visibly and did not."""
    due = _LEAST_SEEN * expected.motion * figures.detail
    still = figures.difference < np.maximum(_FROZEN_CHANGE * due, 1e-3)
    still[0] = False
    findings = []
    for first, end in _runs(still & (expected.motion > 0)):
        moved = float(expected.motion[first:end].sum())
        shows = float(due[first:end].sum()) >= 1.0  # a level of luma: less cannot be told apart
        if end - first >= _FROZEN_S * fps and moved >= _FROZEN_PX and shows:
            reason = f"{end - first} frames stand still where the camera moves {moved:.1f} px"
            findings.append(Finding("frozen", first, reason))
    return findings


def _find_repeated(figures: FrameFigures, expected: Expected) -> list[Finding]:
    """Find single frames that equal the one before while those around them change."""
    usual = median_filter(figures.difference, _NEAR, mode="nearest")
    repeated = (figures.difference < _REPEATED_CHANGE * usual) & (usual > _REPEATED_AMONG)
    repeated &= expected.motion > 0
    repeated[0] = False
    return [
        Finding("repeated", first, f"{end - first} frames repeat the one before")
        for first, end in _runs(repeated)
    ]


def _find_jumps(figures: FrameFigures, expected: Expected) -> list[Finding]:
    """Find changes of picture where neither a cut nor a transition was planned."""
    usual = median_filter(figures.difference, _NEAR, mode="nearest")
    moving = np.maximum(expected.motion, np.roll(expected.motion, 1)) * figures.detail
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
