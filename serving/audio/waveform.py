"""The waveform for people: peaks for a player, a picture, and a drawing that scales."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.audio.samples import Floats, Samples, to_mono

Colour = tuple[int, int, int, int]
WAVE: Colour = (64, 126, 201, 255)
CORE: Colour = (133, 178, 229, 255)
BEAT: Colour = (120, 120, 120, 90)
BAR: Colour = (214, 84, 52, 220)


@dataclass(frozen=True)
class Peaks:
    """Lowest, highest and root-mean-square value of every stretch; float32, shape (count,)."""

    low: Samples
    high: Samples
    rms: Samples

    def to_json(self) -> dict[str, list[float]]:
        """Return lists, to a thousandth."""
        return {
            name: [round(float(value), 3) for value in getattr(self, name)]
            for name in ("low", "high", "rms")
        }


@dataclass(frozen=True)
class Marks:
    """Times to be marked, in seconds, in a track of `duration_s`."""

    duration_s: float
    beats_s: Floats
    downbeats_s: Floats


def waveform_peaks(samples: Samples, count: int) -> Peaks:
    """Sum up the waveform in `count` stretches of even length, or fewer when it is shorter.

    Examples
    --------
    >>> waveform_peaks(np.array([0, 1, -1, 0], np.float32), 2).to_json()
    {'low': [0.0, -1.0], 'high': [1.0, 0.0], 'rms': [0.707, 0.707]}
    """
    mono = to_mono(samples)
    count = min(count, mono.size)
    if not count:
        return Peaks(*(np.zeros(0, np.float32) for _ in range(3)))
    edges = np.linspace(0, mono.size, count, endpoint=False).astype(int)
    power = np.add.reduceat(mono.astype(np.float64) ** 2, edges)
    rms = np.sqrt(power / np.diff(np.append(edges, mono.size)))
    low, high = np.minimum.reduceat(mono, edges), np.maximum.reduceat(mono, edges)
    return Peaks(low, high, rms.astype(np.float32))


def draw_waveform(samples: Samples, width: int, height: int, marks: Marks) -> NDArray[np.uint8]:
    """Draw the waveform with its beats as thin lines and its bars as strong ones.

    Parameters
    ----------
    width, height : of the picture in pixels

    Returns
    -------
    uint8, shape (height, width, 4)
        RGBA on a clear ground, to be laid over a film or a page.
    """
    picture = np.zeros((height, width, 4), np.uint8)
    _mark(picture, marks.beats_s, marks.duration_s, BEAT, inset=height // 6)
    _mark(picture, marks.downbeats_s, marks.duration_s, BAR, inset=0)
    peaks = waveform_peaks(samples, width)
    columns = np.linspace(0, max(0, peaks.low.size - 1), width).astype(int)
    if not peaks.low.size:
        return picture
    rows = np.arange(height)[:, None] + 0.5
    middle, scale = height / 2, 0.46 * height / max(float(np.abs(to_mono(samples)).max()), 1e-4)
    for top, bottom, colour in (
        (peaks.high, peaks.low, WAVE),
        (peaks.rms, -peaks.rms, CORE),
    ):
        upper, lower = middle - top[columns] * scale - 0.5, middle - bottom[columns] * scale + 0.5
        picture[(rows >= upper) & (rows <= lower)] = colour
    for times_s, colour in ((marks.beats_s, BEAT), (marks.downbeats_s, BAR)):
        ticks = picture[height - height // 10 :]  # seen over a loud wave too
        _mark(ticks, times_s, marks.duration_s, (*colour[:3], 255), inset=0)
    return picture


def _mark(
    picture: NDArray[np.uint8], times_s: Floats, duration_s: float, colour: Colour, inset: int
) -> None:
    """Draw a vertical line at each time."""
    height, width = picture.shape[:2]
    for at_s in times_s:
        column = min(width - 1, int(at_s / max(duration_s, 1e-9) * width))
        picture[inset : height - inset, column] = colour


def waveform_svg(samples: Samples, width: int, height: int, marks: Marks) -> str:
    """Return the same as a drawing: one path for the wave, one for beats, one for bars."""
    peaks = waveform_peaks(samples, width)
    loudest = float(np.abs([peaks.low, peaks.high]).max(initial=0))
    scale = 0.46 * height / max(loudest, 1e-4)
    middle, step = height / 2, width / max(1, peaks.low.size)
    above = [f"{n * step:.1f},{middle - v * scale:.1f}" for n, v in enumerate(peaks.high)]
    below = [f"{n * step:.1f},{middle - v * scale:.1f}" for n, v in enumerate(peaks.low)]
    wave = "M" + "L".join(above + below[::-1]) + "Z" if above else ""
    per_s = width / max(marks.duration_s, 1e-9)
    short = f"{height / 6:.1f}V{height * 5 / 6:.1f}"
    beats = "".join(f"M{at * per_s:.1f},{short}" for at in marks.beats_s)
    bars = "".join(f"M{at * per_s:.1f},0V{height}" for at in marks.downbeats_s)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Waveform with beats">'
        f'<path d="{beats}" stroke="{_css(BEAT)}"/><path d="{bars}" stroke="{_css(BAR)}"/>'
        f'<path d="{wave}" fill="{_css(WAVE)}"/></svg>'
    )


def _css(colour: Colour) -> str:
    red, green, blue, alpha = colour
    return f"rgb({red} {green} {blue} / {alpha / 255:.2f})"
