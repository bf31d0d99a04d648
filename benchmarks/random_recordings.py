"""What happens to music before it is heard: codecs, other rates, silence before, a start anywhere.

For fitting: the choice of metrical level must hang on none of it.
"""

import io

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.random import Generator
from numpy.typing import NDArray
from random_kinds import draw_kind, draw_kind_loop
from random_music import draw_loop, draw_track
from random_waltzes import draw_waltz
from scipy.signal import correlate

from serving.audio.samples import resample, to_mono
from serving.render.audio_files import decode_audio
from synthetic.music.tracks import RATE_HZ, Samples, Track

FIRST_SEED, FIRST_NUMBER = 7_000_000, 50_000  # tracks that are fitted on in no other form
LONGEST_S, COMPARED_S, MOST_OFF_S = 20, 4, 0.2
KINDS = ("coded", "padded", "excerpt")
CODECS = (
    ("mp3", "libmp3lame", (48_000, 96_000, 192_000)),
    ("ipod", "aac", (48_000, 96_000)),
    ("adts", "aac", (64_000,)),
    ("ogg", "libopus", (32_000, 64_000)),
    ("ogg", "vorbis", (96_000,)),
    ("asf", "wmav2", (48_000, 96_000)),
)
SOURCES = (draw_loop, draw_kind_loop, draw_loop, draw_track, draw_kind, draw_waltz)


def draw_recording(number: int) -> Track:
    """Take a loop or track drawn at random; start it elsewhere, encode it, pad it, change its rate.

    Kinds are named by what was done: `excerpt` starts between two beats, `coded` went through a
    codec, `padded` has silence before.
    """
    rng = np.random.default_rng(FIRST_SEED + number)
    kind = KINDS[number % len(KINDS)]
    sources = SOURCES[3:] if kind == "excerpt" else SOURCES
    track = sources[int(rng.integers(len(sources)))](FIRST_NUMBER + number)
    return record_again(track, kind, rng)


def record_again(track: Track, kind: str, rng: Generator) -> Track:
    """Do to a track what its new kind says, and some of the rest by chance."""
    samples, beats = track.samples[: LONGEST_S * RATE_HZ], track.beats
    if kind == "excerpt":
        samples, beats = cut_between_beats(samples, beats, rng)
    if kind == "padded" or rng.uniform() < 0.2:
        silence_s = rng.uniform(0.3, 2.2)
        samples = np.concatenate([np.zeros(round(silence_s * RATE_HZ), np.float32), samples])
        beats = beats + silence_s
    if kind == "coded" or rng.uniform() < 0.3:
        samples, late_s = transcode(samples, rng)
        beats = beats + late_s
    samples = samples * np.float32(10 ** (rng.uniform(-6, 3) / 20))
    beats = beats[(beats >= 0) & (beats < samples.size / RATE_HZ - 0.02)]
    return Track(f"{kind} {track.name}", kind, samples, beats, beats[:0])


def cut_between_beats(
    samples: Samples, beats: NDArray[np.float64], rng: Generator
) -> tuple[Samples, NDArray[np.float64]]:
    """Leave off the start, to anywhere between two beats of the first half."""
    first = int(rng.integers(0, max(1, beats.size // 2)))
    from_s = beats[first] + rng.uniform(0.1, 0.9) * (beats[first + 1] - beats[first])
    cut = round(from_s * RATE_HZ)
    return samples[cut:], beats[beats > from_s] - cut / RATE_HZ


def transcode(samples: Samples, rng: Generator) -> tuple[Samples, float]:
    """Write with a codec drawn at random and read back; also return how much later it sounds."""
    form, codec, bit_rates = CODECS[int(rng.integers(len(CODECS)))]
    rate_hz = 48_000 if codec == "libopus" else int(rng.choice([32_000, 44_100, 48_000]))
    coded = decode_audio(encode(samples, form, codec, rate_hz, int(rng.choice(bit_rates))))
    heard = resample(to_mono(coded.samples), coded.sample_rate_hz, RATE_HZ)
    return heard, measure_delay_s(samples, heard)


def encode(samples: Samples, form: str, codec: str, rate_hz: int, bit_rate: int) -> bytes:
    """Return mono sound as a file of a container and codec."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        stream.codec_context.options = {"strict": "experimental"}
        stream.codec_context.open()
        context = stream.codec_context
        size = context.frame_size or 1024
        resampler = av.AudioResampler(context.format.name, "stereo", rate_hz, frame_size=size)
        frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        for piece in resampler.resample(frame) + resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def measure_delay_s(before: Samples, after: Samples) -> float:
    """Return by how much sound came later, by its correlation with what it was."""
    count = min(before.size, after.size, COMPARED_S * RATE_HZ)
    matched = correlate(after[:count], before[:count], method="fft")
    most = round(MOST_OFF_S * RATE_HZ)
    return float(np.argmax(matched[count - 1 - most : count + most]) - most) / RATE_HZ
