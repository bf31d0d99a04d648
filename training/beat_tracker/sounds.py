"""The rows of the dataset `music`: which sounds are drawn, each with its truth."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synthetic.music.beatless import BEATLESS, draw_beatless
from synthetic.music.tracks import KINDS, RATE_HZ, Samples, Track, nth_track
from training.beat_tracker.manifest import DrawnSource

NO_BEATS = "beatless"
_SILENCE = 1e-4


@dataclass(frozen=True)
class Drawing:
    """What is drawn: the same on every machine, whenever it is asked for.

    Attributes
    ----------
    source : a cast of instruments, or `beatless`
    label : the kind of music, or of sound
    number, each : which of the tracks of its kind, and of how many; tempi are spread over them
    seconds : how long a track is; a sound without beats has its own length
    """

    source: str
    label: str
    number: int
    each: int
    seconds: float

    @property
    def listing(self) -> str:
        """Its name, under which it is in one split alone."""
        return f"{self.source}/{self.label}/{self.number}"

    def draw(self) -> Track:
        """Make the sound; one without beats has none in its truth."""
        if self.source != NO_BEATS:
            place = self.number, self.each
            return nth_track(self.source, self.label, place, self.seconds)
        name, samples = draw_beatless(self.number)
        return Track(name, name, samples, np.array([]), np.array([]))


def list_drawings(source: DrawnSource) -> Iterator[Drawing]:
    """Yield what a source of the manifest draws."""
    if source.name != NO_BEATS:
        for label in KINDS:
            for number in range(source.each):
                yield Drawing(source.name, label, number, source.each, source.seconds)
        return
    kinds = list(BEATLESS)
    for number in range(source.each * len(kinds)):
        yield Drawing(NO_BEATS, kinds[number % len(kinds)], number, source.each, source.seconds)


def describe(drawing: Drawing, split: str) -> dict[str, Any]:
    """Draw a sound and return its row of the table."""
    track = drawing.draw()
    beats = track.beats.size
    bar = track.downbeats[1] if track.downbeats.size > 1 else np.inf
    facts = {
        "uri": f"drawn:{drawing.listing}",
        "sha256": fingerprint(track),
        "listing": drawing.listing,
        "split": split,
        "split_note": None,
        "bpm": track.bpm if beats else np.nan,
        "beats": beats,
        "meter": int((track.beats < bar - 1e-6).sum()) if beats else 0,
        "length_s": track.samples.size / RATE_HZ,
        "level_db": 20 * np.log10(max(level_of(track.samples), _SILENCE)),
    }
    return asdict(drawing) | facts


def read_drawing(row: dict[str, Any]) -> Drawing:
    """Return what a row of the table draws."""
    return Drawing(
        row["source"], row["label"], int(row["number"]), int(row["each"]), float(row["seconds"])
    )


def fingerprint(track: Track) -> str:
    """Return a digest of the truth to a millisecond and of the level of every second to a dB.

    Not of the samples: processors round sines differently in the last bit.
    """
    seconds = np.array_split(track.samples, max(1, round(track.samples.size / RATE_HZ)))
    levels = [round(20 * np.log10(max(level_of(part), _SILENCE))) for part in seconds]
    times = [np.round(one * 1000).astype(int).tolist() for one in (track.beats, track.downbeats)]
    return hashlib.sha256(f"{track.name} {times} {levels}".encode()).hexdigest()


def level_of(samples: Samples) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
