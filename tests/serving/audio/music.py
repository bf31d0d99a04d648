"""Small pieces of sound for tests, with known beats."""

import io

import av
import numpy as np
from av.audio.stream import AudioStream
from scipy.signal import butter, lfilter, sosfilt

from serving.audio.samples import Floats, Samples

RATE_HZ = 22050


def click_track(bpm: float, seconds: float, first_s: float = 0.3) -> tuple[Samples, Floats]:
    """Return kick and snare on the beat with hats between, and the beats' times."""
    rng = np.random.default_rng(3)
    beats = np.arange(first_s, seconds - 0.3, 60 / bpm)
    mono = np.zeros(round(seconds * RATE_HZ))
    t = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    kick = np.sin(2 * np.pi * (50 * t + 2 * (1 - np.exp(-30 * t)))) * np.exp(-15 * t)
    snare = rng.normal(size=t.size) * 0.4 * np.exp(-25 * t)
    hat = np.diff(rng.normal(size=t.size + 1)) * 0.1 * np.exp(-80 * t)
    for number, at in enumerate(beats):
        for sound, when in (
            (snare if number % 2 else kick, at),
            (hat, at),
            (hat, at + 30 / bpm),
        ):
            start = round(when * RATE_HZ)
            kept = sound[: max(0, mono.size - start)]
            mono[start : start + kept.size] += kept
    return (0.6 * mono / max(np.abs(mono).max(), 1e-9)).astype(np.float32), beats


def waltz(bpm: float, seconds: float, first_s: float = 0.3) -> tuple[Samples, Floats]:
    """Return oom-pah-pah: a low note on one, a chord on two and three, and the beats' times."""
    beats = np.arange(first_s, seconds - 0.3, 60 / bpm)
    mono = np.zeros(round(seconds * RATE_HZ))
    t = np.arange(round(min(0.5, 50 / bpm) * RATE_HZ)) / RATE_HZ
    roots = (98.0, 130.8, 146.8, 98.0)
    for number, at in enumerate(beats):
        root = roots[number // 3 % len(roots)]
        low = 0.6 * np.sin(2 * np.pi * root * t) * np.exp(-5 * t)
        notes = [np.sin(2 * np.pi * root * ratio * t) for ratio in (2, 2.52, 3)]
        sound = low if number % 3 == 0 else 0.15 * np.sum(notes, axis=0) * np.exp(-9 * t)
        start = round(at * RATE_HZ)
        kept = (sound * np.minimum(1, t / 0.004))[: max(0, mono.size - start)]
        mono[start : start + kept.size] += kept
    return (0.6 * mono / np.abs(mono).max()).astype(np.float32), beats


def made_hits(seconds: float, seed: int) -> Samples:
    """Return a dozen drum strokes at times drawn at random."""
    rng = np.random.default_rng(seed)
    sound, t = rng.normal(0, 1e-4, int(seconds * RATE_HZ)), np.arange(RATE_HZ // 2) / RATE_HZ
    for at in rng.uniform(0.2, seconds - 0.6, 12):
        ring = np.exp(-12 * t) * np.sin(2 * np.pi * rng.uniform(80, 300) * t)
        start = round(at * RATE_HZ)
        sound[start : start + t.size] += ring[: sound.size - start]
    return np.asarray(0.7 * sound / np.abs(sound).max(), np.float32)


def tone(hz: float, seconds: float, rate_hz: int = RATE_HZ, level: float = 0.5) -> Samples:
    """Return a sine."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def made_speech(seconds: float, seed: int) -> Samples:
    """Return syllables of formants over a voice's pulses, with pauses, as irregular as speech."""
    rng, parts, count = np.random.default_rng(seed), [], 0
    while count < seconds * RATE_HZ:
        if rng.random() < 0.18:
            part = np.zeros(int(RATE_HZ * rng.uniform(0.15, 0.6)))
        else:
            part = _syllable(int(RATE_HZ * rng.lognormal(np.log(0.17), 0.35)), rng)
        parts.append(part)
        count += part.size
    voice = np.concatenate(parts)[: int(seconds * RATE_HZ)]
    room = rng.normal(0, 0.001, voice.size)
    return np.asarray(0.7 * voice / np.abs(voice).max() + room, np.float32)


def _syllable(length: int, rng: np.random.Generator) -> Floats:
    pitch = rng.uniform(90, 160) * (1 + 0.1 * np.sin(np.linspace(0, 3, length)))
    sound = (np.mod(np.cumsum(pitch) / RATE_HZ, 1) < 0.1) - 0.1
    if rng.random() < 0.3:
        sound = rng.normal(0, 0.2, length)
    formants = (rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000))
    for hz, width in zip(formants, (80, 100, 150), strict=True):
        near = np.exp(-np.pi * width / RATE_HZ)
        turn = 2 * near * np.cos(2 * np.pi * hz / RATE_HZ)
        sound = lfilter([1 - near], [1, -turn, near * near], sound)
    steps = np.arange(length) / RATE_HZ
    shape = np.minimum(1, np.minimum(steps / 0.02, steps[::-1] / 0.05))
    return np.asarray(sound * shape * rng.uniform(0.4, 1) / np.abs(sound).max(), np.float64)


def made_rain(seconds: float, seed: int) -> Samples:
    """Return hiss with drops in it."""
    rng = np.random.default_rng(seed)
    rain = rng.normal(0, 0.1, int(seconds * RATE_HZ))
    drops = rng.integers(0, rain.size, int(seconds * 60))
    rain[drops] += rng.exponential(3, drops.size)
    band = butter(2, [800, 8000], "band", fs=RATE_HZ, output="sos")
    heard = sosfilt(band, rain)
    return np.asarray(0.7 * heard / np.abs(heard).max(), np.float32)


def made_wind(seconds: float, seed: int) -> Samples:
    """Return low noise that swells and dies down."""
    rng = np.random.default_rng(seed)
    gusts = np.abs(lfilter([1], [1, -0.9999], rng.normal(size=int(seconds * RATE_HZ))))
    wind = lfilter([1], [1, -0.95], rng.normal(size=gusts.size)) * gusts
    return np.asarray(0.7 * wind / np.abs(wind).max(), np.float32)


def made_waves(seconds: float, seed: int) -> Samples:
    """Return pink noise, even."""
    noise = np.random.default_rng(seed).normal(size=int(seconds * RATE_HZ))
    heard = lfilter([1], [1, -0.9], noise)
    return np.asarray(0.7 * heard / np.abs(heard).max(), np.float32)


def encode_sound(
    samples: Samples, rate_hz: int, form: str, codec: str, layout: str = "stereo"
) -> bytes:
    """Return mono samples as a file; both channels of one in stereo are alike."""
    file, to_hz = io.BytesIO(), 48_000 if codec in ("opus", "libopus") else 44_100
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=to_hz, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 96_000
        stream.codec_context.options = {"strict": "experimental"}
        stream.codec_context.open()
        context = stream.codec_context
        resampler = av.AudioResampler(
            context.format.name, layout, to_hz, frame_size=context.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for piece in resampler.resample(frame) + resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()
