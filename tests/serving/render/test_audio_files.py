"""Sound comes out of any file as it went in; bad files are told apart from large ones."""

import io
import wave
from collections.abc import Callable

import av
import numpy as np
import pytest
import soundfile
from av.audio.stream import AudioStream
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.audio.samples import Samples
from serving.errors import BadInput, TooLarge
from serving.render.audio_files import AudioLimits, aac_round_trip, decode_audio, encode_aac

RATE_HZ = 44100
T = np.arange(2 * RATE_HZ) / RATE_HZ
SWEEP = np.stack([0.4 * np.sin(300 * T * (1 + T)), 0.2 * np.sin(2000 * T)], 1).astype(np.float32)


def encode(samples: Samples, form: str, codec: str, options: dict[str, str] | None = None) -> bytes:
    """Write stereo sound with PyAV."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=RATE_HZ, layout="stereo", options=options or {})
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", "stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def film(with_sound: bool) -> bytes:
    """Write a small film."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=10, width=64, height=48)
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=RATE_HZ, layout="stereo") if with_sound else None
        for _ in range(20):
            container.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(video.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(SWEEP.T), "fltp", "stereo")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return file.getvalue()


def empty_wav() -> bytes:
    """Write a header and no samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
    return file.getvalue()


def ogg() -> bytes:
    """Write Vorbis, which PyAV cannot."""
    file = io.BytesIO()
    soundfile.write(file, SWEEP, RATE_HZ, format="OGG")
    return file.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "wav": lambda: encode(SWEEP, "wav", "pcm_f32le"),
    "flac": lambda: encode(SWEEP, "flac", "flac"),
    "mp3 of variable rate": lambda: encode(SWEEP, "mp3", "libmp3lame", {"q": "4"}),
    "ogg": ogg,
    "m4a": lambda: encode(SWEEP, "ipod", "aac"),
    "mkv": lambda: encode(SWEEP, "matroska", "aac"),
    "film": lambda: film(True),
}


@pytest.mark.parametrize("name", FILES)
def test_decode_audio_gives_what_was_encoded(name: str) -> None:
    sound = decode_audio(FILES[name]())
    assert sound.sample_rate_hz == RATE_HZ
    assert sound.samples.dtype == np.float32
    assert sound.seconds == pytest.approx(2, abs=0.06)
    shared = min(len(sound.samples), len(SWEEP)) - 2000
    alike = np.corrcoef(sound.samples[1000:shared, 0], SWEEP[1000:shared, 0])[0, 1]
    assert alike > 0.99


def test_decode_audio_brings_sound_to_a_rate() -> None:
    sound = decode_audio(FILES["wav"](), sample_rate_hz=48000)
    assert sound.sample_rate_hz == 48000
    assert len(sound.samples) == pytest.approx(96000, abs=64)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a sound" * 100,
        bytes(5000),
        b"#EXTM3U\n#EXTINF:5,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        empty_wav(),
    ],
    ids=["empty", "text", "zeros", "playlist", "concat", "no samples"],
)
def test_decode_audio_refuses_what_is_no_sound(data: bytes) -> None:
    with pytest.raises(BadInput):
        decode_audio(data)


def test_decode_audio_refuses_a_film_without_sound() -> None:
    with pytest.raises(BadInput, match="no sound in it"):
        decode_audio(film(False))


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "m4a", "mp3 of variable rate", "film"])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.6])
def test_decode_audio_refuses_what_is_cut_off(name: str, share: float) -> None:
    data = FILES[name]()
    with pytest.raises(BadInput):
        decode_audio(data[: int(share * len(data))])


def test_decode_audio_keeps_its_limits() -> None:
    data = FILES["flac"]()
    with pytest.raises(TooLarge, match="bytes"):
        decode_audio(data, AudioLimits(max_bytes=1000))
    with pytest.raises(TooLarge, match="seconds"):
        decode_audio(data, AudioLimits(max_seconds=1.5))


@settings(max_examples=40)
@given(data=st.data(), name=st.sampled_from(["flac", "m4a", "ogg", "wav"]))
def test_damaged_files_are_sound_or_bad_input(data: st.DataObject, name: str) -> None:
    damaged = bytearray(FILES[name]())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(damaged), 4000) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        sound = decode_audio(bytes(damaged), AudioLimits(max_seconds=60))
    except BadInput:
        return
    assert np.isfinite(sound.samples).all()
    assert len(sound.samples)


@pytest.mark.parametrize("shape", [(30_001,), (30_001, 1), (30_001, 2)])
def test_aac_round_trip_keeps_length_shape_and_time(shape: tuple[int, ...]) -> None:
    samples = SWEEP[:30_001, 0] if len(shape) == 1 else SWEEP[:30_001, : shape[1]]
    back = aac_round_trip(RATE_HZ)(samples)
    assert back.shape == shape
    first, again = (s.reshape(len(s), -1)[2000:-2000, 0] for s in (samples, back))
    lags = [
        float(first[50:-50] @ again[50 + lag : len(again) - 50 + lag]) for lag in range(-50, 50)
    ]
    assert int(np.argmax(lags)) - 50 == 0


def test_encode_aac_refuses_rates_it_has_not() -> None:
    with pytest.raises(BadInput):
        encode_aac(SWEEP, 192_000)
