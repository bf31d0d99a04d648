"""Loudness and true peak before and after, of sources that are hard to level.

Every source is brought to -14 LUFS under -1 dBTP and measured on the decoded AAC: what a listener
hears. Beside it: gain alone, measured the same way.
"""

import time
from collections.abc import Iterator

import numpy as np
from figures import Figures, parse
from scipy.signal import butter, sosfilt

from serving.audio.loudness import CEILING_DBTP, TARGET_LUFS, Normalised, normalise
from serving.audio.loudness_meter import integrated_lufs, true_peak_dbtp
from serving.audio.samples import Samples
from serving.render.aac import aac_round_trip
from synthetic.music.tracks import UNHEARD, make_track

RATE_HZ = 48000


def main() -> None:
    """Run the command line."""
    arguments = parse(__doc__)
    figures = Figures()
    seconds = 5.0 if arguments.quick else 15.0
    trip = aac_round_trip(RATE_HZ)
    done: list[tuple[str, Normalised]] = []
    alone = 0
    figures.say(f"{'source':<18}{'before':>16}{'gain alone':>16}{'after':>16}  rounds  CPU-s")
    for name, samples in sources(seconds):
        started = time.process_time()
        result = normalise(samples, RATE_HZ, trip)
        cpu = time.process_time() - started
        plain = gain_alone(samples)
        alone += holds(*plain)
        levels = [(result.before.lufs, result.before.dbtp), plain]
        levels.append((result.after.lufs, result.after.dbtp))
        text = "".join(f"{lufs:>9.2f}{peak:>7.2f}" for lufs, peak in levels)
        figures.say(f"{name:<18}{text}  {result.rounds:>6} {cpu:>6.2f}  {result.note}")
        done.append((name, result))
    sounding = [one for _, one in done if np.isfinite(one.before.lufs)]
    off = [abs(one.after.lufs - TARGET_LUFS) for one in sounding]
    figures.add("loudness.sources", len(sounding))
    figures.add("loudness.held", sum(holds(o.after.lufs, o.after.dbtp) for o in sounding))
    figures.add("loudness.held_by_gain_alone", alone)
    figures.add("loudness.worst_lu", max(off))
    figures.add("loudness.worst_dbtp", max(one.after.dbtp for one in sounding))
    figures.add("loudness.rounds_mean", float(np.mean([one.rounds for one in sounding])))
    figures.add("loudness.silent_answered", sum(one.rounds == 0 for _, one in done))
    figures.print()


def holds(lufs: float, dbtp: float) -> bool:
    """Say whether both promises are kept."""
    return bool(abs(lufs - TARGET_LUFS) <= 0.5 and dbtp <= CEILING_DBTP)


def gain_alone(samples: Samples) -> tuple[float, float]:
    """Return the levels that plain gain gives after encoding."""
    lufs = integrated_lufs(samples, RATE_HZ)
    if not np.isfinite(lufs):
        return lufs, true_peak_dbtp(samples)
    decoded = aac_round_trip(RATE_HZ)(samples * np.float32(10 ** ((TARGET_LUFS - lufs) / 20)))
    return integrated_lufs(decoded, RATE_HZ), true_peak_dbtp(decoded)


def sources(seconds: float) -> Iterator[tuple[str, Samples]]:
    """Yield sources by name, float32."""
    rng = np.random.default_rng(5)
    count = int(seconds * RATE_HZ)
    t = np.arange(count) / RATE_HZ
    music = make_track("steady", 118.0, seconds * RATE_HZ / 44100, UNHEARD, rng).samples[:count]
    hiss = rng.normal(size=count)
    clicks = np.zeros(count)
    clicks[:: RATE_HZ // 2] = 0.9
    yield "music", music
    yield "music stereo", np.stack([music, np.roll(music, 300) * 0.7], axis=1).astype(np.float32)
    yield "quiet music", music * np.float32(0.01)
    yield "saturated", np.clip(music * 12, -1, 1).astype(np.float32)
    yield "quiet and peaky", as_sound(0.003 * hiss + clicks * 0.5)
    yield "clicks only", as_sound(clicks)
    yield "speech-like", as_sound(speech(t, rng))
    yield "speech with gaps", as_sound(speech(t, rng) * (np.sin(2 * np.pi * t / 5) > 0))
    gaps = (t % 5 < 1).astype(np.float64)
    yield "silence gaps", as_sound(music * gaps)
    yield "one burst", as_sound(0.5 * hiss * (np.abs(t - seconds / 2) < 0.5))
    yield "sine", as_sound(0.5 * np.sin(2 * np.pi * 440 * t))
    yield "between samples", as_sound(0.99 * np.sin(np.pi / 2 * np.arange(count) + np.pi / 4))
    yield "square", as_sound(np.sign(np.sin(2 * np.pi * 55 * t)))
    yield "white noise", as_sound(0.2 * hiss)
    yield "random bits", as_sound(rng.choice([-1.0, 1.0], count))
    yield "bass", as_sound(0.8 * np.sin(2 * np.pi * 40 * t) * (np.sin(2 * np.pi * t) > -0.5))
    yield "high tone", as_sound(0.9 * np.sin(2 * np.pi * 15000 * t))
    yield "one side only", np.stack([music, np.zeros_like(music)], axis=1)
    yield "all silent", np.zeros(count, np.float32)


def speech(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make syllables of a buzz through two formants, with pauses."""
    buzz = np.sign(np.sin(2 * np.pi * np.cumsum(110 + 20 * np.sin(3 * t)) / RATE_HZ))
    voiced = sum(
        sosfilt(butter(2, (hz * 0.8, hz * 1.2), "bandpass", fs=RATE_HZ, output="sos"), buzz)
        for hz in (600, 1900)
    )
    syllables = np.repeat(rng.choice([0.0, 0.3, 1.0], t.size // 9600 + 1), 9600)[: t.size]
    shape = np.sin(np.pi * (np.arange(t.size) % 9600) / 9600) ** 2
    return 0.3 * np.asarray(voiced) * syllables * shape


def as_sound(values: np.ndarray) -> Samples:
    """Return float32."""
    return values.astype(np.float32)


if __name__ == "__main__":
    main()
