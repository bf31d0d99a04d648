"""Is the finished film as planned? Wrong, black, frozen or repeated frames, cuts, lengths, sound.

Every frame is held against the one that was planned: a black frame is a fault where another was
planned, and one that stands still where the planned ones move. So a night photo, a white wall, a
card, a dip to black and a slow camera pass, and the same frames elsewhere do not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from serving.video.check.measures import Floats, FrameFigures, SoundFigures

Mask = NDArray[np.bool_]

_BLACK = 0.9  # the rest may be a logo and a caption on a picture that is missing
# Good films err by 1.5, in fine stripes by 4 and in moving transitions by 5.5: by what is moved.
_WRONG, _PER_CONTRAST, _DARKER = 4.5, 0.06, 2.0
# Of what the planned pictures change, those of good films show 0.43 and more, ones that stand 0.1.
# Fine stripes hardly move the small pictures, but they do.
_STILL, _LEAST_DRIFT, _SHOWN = 0.2, 0.35, 0.3
_REPEATED, _LEAST_CHANGE, _NEAR = 0.08, 1.0, 5
_CHANCE, _SEEN_LAG = 6, 12  # parts of `lag`, which is half a second
_AUDIBLE_DB, _LOST_DB, _LOST_WINDOWS = -50.0, 20.0, 2
_ROUNDING_S = 0.001
_GAP_PERIODS = 2.5  # as `places` has it: where beats are further apart the track has none


@dataclass(frozen=True)
class Finding:
    """One fault: its kind, the film's frame to look at, and the reason in words."""

    kind: str
    frame: int
    reason: str


def check_frames(figures: FrameFigures) -> tuple[Finding, ...]:
    """Look for frames that are wrong, black, frozen or repeated where other ones were planned.

    Returns
    -------
    tuple of Finding
        In the film's order; one for each run of faulty frames, at its first frame. A wrong number
        of frames is the first; then only the frames that both have are judged.
    """
    findings = []
    if figures.seen != figures.planned:
        reason = f"the film has {figures.seen} frames where {figures.planned} were planned"
        findings.append(Finding("length", min(figures.seen, figures.planned), reason))
    found = [*_find_wrong(figures), *_find_frozen(figures), *_find_repeated(figures)]
    return (*findings, *sorted(found, key=lambda finding: finding.frame))


def _find_wrong(figures: FrameFigures) -> list[Finding]:
    wrong = figures.error > _WRONG + _PER_CONTRAST * figures.planned_contrast
    dark = (figures.dark > _BLACK) & (figures.planned_dark < _BLACK / 2)
    black = dark & (figures.error > _DARKER) | wrong & (figures.dark > _BLACK)
    reasons = [
        ("black", black, "{} black frames where others were planned"),
        ("wrong", wrong & ~black, "{} frames show another picture than was planned"),
    ]
    return [
        Finding(kind, first, reason.format(end - first))
        for kind, flags, reason in reasons
        for first, end in _runs(flags)
    ]


def _find_frozen(figures: FrameFigures) -> list[Finding]:
    """Find frames that look like the one half a second before though the planned ones do not.

    Lines too fine for the film are grey there, and may be a pattern that moves in small pictures:
    that is not to be seen in the film.
    """
    due = figures.planned_drift
    still = (due >= _LEAST_DRIFT) & (figures.drift < _STILL * due)
    still &= figures.contrast > _SHOWN * figures.planned_contrast
    reason = f"for {figures.lag} frames nothing moves where the camera or the photo should"
    # by chance a frame may look like one half a second before; what stands does so for longer
    least = max(2, figures.lag // _CHANCE)
    return [Finding("frozen", first, reason) for first, end in _runs(still) if end - first >= least]


def _find_repeated(figures: FrameFigures) -> list[Finding]:
    """Find frames that equal the one before in the midst of planned ones that all move.

    Where a move begins or ends the small planned pictures may be a frame early or late, and of
    50 and more a second one alone is not seen.
    """
    due = minimum_filter1d(figures.planned_change, _NEAR, mode="nearest")
    repeated = (due >= _LEAST_CHANGE) & (figures.change < _REPEATED * due)
    return [
        Finding("repeated", first, f"{end - first} frames repeat the one before")
        for first, end in _runs(repeated)
        if end - first >= round(figures.lag / _SEEN_LAG)
    ]


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
    figures: SoundFigures, planned: SoundFigures, frames: int, fps: float, block_s: float
) -> tuple[Finding, ...]:
    """Look for clipped samples, silence and a wrong length.

    Parameters
    ----------
    figures : of the decoded file
    planned : of the mix before encoding: where that is faint, silence is no fault
    frames, fps : the film's
    block_s : how long a frame of the sound's codec is
    """
    findings = []
    if abs(figures.seconds - frames / fps) > block_s + _ROUNDING_S:
        reason = f"the sound lasts {figures.seconds:.3f} s, the film {frames / fps:.3f} s"
        findings.append(Finding("sound_length", min(frames, round(figures.seconds * fps)), reason))

    def frame_of(window: int) -> int:
        return min(frames - 1, int(window * figures.window_s * fps))

    for first, end in _runs(figures.clipped > 0):
        runs = int(figures.clipped[first:end].sum())
        findings.append(Finding("clipped", frame_of(first), f"{runs} runs of clipped samples"))
    shared = min(figures.rms_db.size, planned.rms_db.size)
    wanted, heard = planned.rms_db[:shared], figures.rms_db[:shared]
    for first, end in _runs((wanted > _AUDIBLE_DB) & (heard < wanted - _LOST_DB)):
        seconds = (end - first) * figures.window_s
        if end - first >= _LOST_WINDOWS:
            reason = f"{seconds:.1f} s of silence where there should be sound"
            findings.append(Finding("silent", frame_of(first), reason))
    return tuple(sorted(findings, key=lambda finding: finding.frame))


def _runs(flags: Mask) -> list[tuple[int, int]]:
    """Return first and one past the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
