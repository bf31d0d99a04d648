"""How a piece goes: its energy over time, its sections, and the moments worth a cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.audio.samples import Floats, Samples

CURVE_PER_S = 10
QUIETEST_DB = -60.0
SHORTEST_UNITS = 4  # a section has at least so many bars
CHANGE_COST_DB2 = 12.0  # what a new section must explain, in squared dB a bar and band
RISE_DB, LOW_DB = 3.0, 3.0
MOST_UNITS = 600


@dataclass(frozen=True)
class Section:
    """A stretch of one character: intro, main, break, drop or outro; energy 0..1."""

    start_s: float
    end_s: float
    label: str
    energy: float


@dataclass(frozen=True)
class Moment:
    """A time worth a cut or a title: drop, change, accent or end; strength 0..1."""

    at_s: float
    kind: str
    strength: float


def energy_curve(mono: Samples, sample_rate_hz: int) -> Floats:
    """Return loudness over time in dB below full scale, ten values a second, -60 at least.

    Examples
    --------
    >>> energy_curve(np.ones(8000, np.float32), 8000).round(1).max()
    np.float64(0.0)
    """
    count = max(1, round(mono.size / sample_rate_hz * CURVE_PER_S))
    edges = np.linspace(0, mono.size, count, endpoint=False).astype(int)
    if not mono.size:
        return np.full(1, QUIETEST_DB)
    power = np.add.reduceat(mono.astype(np.float64) ** 2, edges)
    power /= np.diff(np.append(edges, mono.size)).clip(1)
    curve: Floats = np.maximum(QUIETEST_DB, 10 * np.log10(np.maximum(power, 1e-12)))
    return curve


def to_unit(level_db: Floats) -> Floats:
    """Scale dB so that the quietest and loudest twentieth are 0 and 1."""
    low, high = np.percentile(level_db, [5, 95])
    if high - low < 1:
        return np.where(level_db > QUIETEST_DB, 0.5, 0.0)
    scaled: Floats = np.clip((level_db - low) / (high - low), 0, 1)
    return scaled


def find_sections(bands_db: Floats, units_s: Floats, duration_s: float) -> list[Section]:
    """Part the music where its level or colour changes for good.

    Parameters
    ----------
    bands_db : float64, shape (units, bands)
        Mean level of every unit (a bar, or about two seconds).
    units_s : float64, shape (units,)
        Where the units begin.

    Notes
    -----
    The best piecewise constant fit with a price on every change, by dynamic programming: B. Jackson
    et al., "An algorithm for optimal partitioning of data on an interval", IEEE SPL 12(2), 2005.
    """
    starts = partition(bands_db)
    ends = [*starts[1:], len(bands_db)]
    levels = np.array(
        [bands_db[a:b].mean() for a, b in zip(starts, ends, strict=True)], dtype=np.float64
    )
    bounds = [0.0, *(float(units_s[at]) for at in starts[1:]), duration_s]
    energy = to_unit(bands_db.mean(axis=1))
    return [
        Section(
            bounds[n], bounds[n + 1], label(levels, n),
            float(energy[starts[n] : ends[n]].mean()),
        )
        for n in range(len(starts))
    ]  # fmt: skip


def partition(values: Floats) -> list[int]:
    """Return where the pieces of the best piecewise constant fit begin; the first is 0."""
    count, bands = values.shape
    sums = np.vstack([np.zeros(bands), np.cumsum(values, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((values**2).sum(axis=1))])
    best, before = np.full(count + 1, np.inf), np.zeros(count + 1, int)
    best[0] = 0.0
    price = CHANGE_COST_DB2 * bands * SHORTEST_UNITS
    for end in range(1, count + 1):
        starts = np.arange(0, end)
        allowed = (end - starts >= SHORTEST_UNITS) | ((starts == 0) & (end == count))
        lengths = end - starts
        spread = squares[end] - squares[starts]
        spread = spread - ((sums[end] - sums[starts]) ** 2).sum(axis=1) / lengths
        cost = np.where(allowed, best[starts] + spread + price, np.inf)
        before[end] = int(cost.argmin())
        best[end] = cost[before[end]]
    pieces, end = [], count
    while end > 0:
        end = int(before[end])
        pieces.append(end)
    return pieces[::-1]


def label(levels_db: Floats, number: int) -> str:
    """Name a section by its level beside the others and by its place."""
    usual = float(np.median(levels_db))
    low = levels_db[number] < levels_db.max() - LOW_DB
    if len(levels_db) == 1:
        return "main"
    if low and number == 0:
        return "intro"
    if low and number == len(levels_db) - 1:
        return "outro"
    if number and levels_db[number] - levels_db[number - 1] >= RISE_DB:
        return "drop"
    return "break" if levels_db[number] < usual - LOW_DB else "main"


def suggest_moments(
    sections: Sequence[Section], accents_s: Floats, strengths: Floats, most: int = 24
) -> list[Moment]:
    """List what cuts and titles may fall on: section borders, and the strongest accents.

    Parameters
    ----------
    accents_s, strengths : float64, shape (accents,)
        Times of candidates (downbeats, or beats) and how strongly they sound, 0..1.
    """
    moments = [
        Moment(
            section.start_s,
            "drop" if section.label == "drop" else "change",
            1.0 if section.label == "drop" else 0.8,
        )
        for section in sections[1:]
    ]
    taken = [moment.at_s for moment in moments]
    for place in np.argsort(-strengths, kind="stable"):
        at_s = float(accents_s[place])
        if len(moments) >= most:
            break
        if all(abs(at_s - other) > 1.5 for other in taken):
            moments.append(Moment(at_s, "accent", float(0.7 * strengths[place])))
            taken.append(at_s)
    return sorted(moments, key=lambda moment: moment.at_s)
