"""Sound comes out of any file as it went in; bad files are told apart from large ones."""

import io
import os
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from av.audio.stream import AudioStream
from av.stream import Disposition
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.audio.samples import Samples
from serving.errors import BadInput, TooLarge
from serving.render.aac import aac_round_trip, encode_aac
from serving.render.audio_files import AudioLimits, decode_audio, decode_sound_of

RATE_HZ = 44100
T = np.arange(2 * RATE_HZ) / RATE_HZ
SWEEP = np.stack([0.4 * np.sin(300 * T * (1 + T)), 0.2 * np.sin(2000 * T)], 1).astype(np.float32)


def encode(
    samples: Samples,
    form: str,
    codec: str,
    options: dict[str, str] | None = None,
    layout: str = "stereo",
    rate: int = RATE_HZ,
) -> bytes:
    """Write sound with PyAV; `options` are the codec's and the container's."""
    file = io.BytesIO()
    with av.open(file, "w", format=form, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options=options or {})
        assert isinstance(stream, AudioStream)
        planes = samples.T[: 1 if layout == "mono" else 2]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), "fltp", layout)
        frame.sample_rate, frame.pts = rate, 0
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


def ogg_checksum(page: bytes | bytearray) -> int:
    """Return the checksum of an Ogg page, RFC 3533."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value


FILES: dict[str, Callable[[], bytes]] = {
    "wav": lambda: encode(SWEEP, "wav", "pcm_f32le"),
    "flac": lambda: encode(SWEEP, "flac", "flac"),
    "mp3 of constant rate": lambda: encode(SWEEP, "mp3", "libmp3lame"),
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


def test_the_sound_of_a_large_film_is_decoded_without_reading_all_of_it(tmp_path: Path) -> None:
    data = encode_aac(SWEEP, RATE_HZ)
    film = tmp_path / "film.mp4"
    film.write_bytes(data)
    os.truncate(film, 2**30)
    tracemalloc.start()
    sound = decode_sound_of(film)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(sound.samples, decode_audio(data).samples)
    assert peak < 2**26
    film.write_bytes(b"no film")
    with pytest.raises(BadInput):
        decode_sound_of(film)


def test_decode_audio_refuses_a_film_without_sound() -> None:
    with pytest.raises(BadInput, match="no sound in it"):
        decode_audio(film(False))


@pytest.mark.parametrize("name", ["wav", "flac", "mkv", "mp3 of constant rate"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_what_is_cut_off_is_played_and_said(name: str, share: float) -> None:
    data = FILES[name]()
    sound = decode_audio(data[: int(share * len(data))])
    assert sound.seconds == pytest.approx(2 * share, abs=0.35)
    assert any("cut off" in note and "of 2.0 s" in note for note in sound.notes)


def test_an_ogg_that_does_not_mark_its_end_is_played() -> None:
    data = ogg()
    at = data.rindex(b"OggS")
    page = bytearray(data[at:])
    page[5] &= ~4  # "last page"
    page[22:26] = bytes(4)
    page[22:26] = ogg_checksum(page).to_bytes(4, "little")
    unmarked = data[:at] + page
    sound = decode_audio(unmarked)
    assert sound.seconds == pytest.approx(2, abs=0.06)
    assert any("does not mark its end" in note for note in sound.notes)


@pytest.mark.parametrize("name", ["m4a", "film"])
def test_what_lost_its_index_is_named(name: str) -> None:
    data = FILES[name]()
    with pytest.raises(BadInput, match="index"):
        decode_audio(data[: len(data) // 2])


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_is_whole(size: int) -> None:
    data = bytearray(encode(SWEEP, "wav", "pcm_s16le"))
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = size.to_bytes(4, "little")
    sound = decode_audio(bytes(data))
    assert sound.seconds == pytest.approx(2, abs=0.01)
    assert sound.notes == ()


def test_a_guessed_length_is_no_promise() -> None:
    loud, quiet = np.tile(SWEEP, (2, 1)), np.zeros_like(SWEEP)
    varying = encode(np.concatenate([loud, quiet]), "mp3", "mp3", {"q": "2", "write_xing": "0"})
    sound = decode_audio(varying)
    assert sound.seconds == pytest.approx(6, abs=0.1)
    assert sound.notes == ()


def test_a_film_that_goes_on_after_its_sound_promises_no_sound() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="asf") as container:
        video = container.add_stream("mpeg4", rate=1, width=64, height=48)
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("mp2", rate=RATE_HZ, layout="stereo")
        for _ in range(9):
            container.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(video.encode(None))
        quiet = np.full((1, 2 * 1152), 500, np.int16)
        for number in range(40):
            frame = av.AudioFrame.from_ndarray(quiet, "s16", "stereo")
            frame.sample_rate, frame.pts = RATE_HZ, 1152 * number
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    assert decode_audio(file.getvalue()).notes == ()


def test_a_wav_with_a_wrong_byte_rate_is_as_long_as_players_say() -> None:
    data = bytearray(encode(SWEEP, "wav", "pcm_s16le"))
    at = data.index(b"fmt ") + 16
    data[at : at + 4] = (8000).to_bytes(4, "little")
    assert decode_audio(bytes(data)).notes == ()


def test_parts_of_other_channels_and_rates_are_played_in_a_row() -> None:
    parts = [
        encode(SWEEP, "mp3", "mp3", layout="mono"),
        encode(SWEEP, "mp3", "mp3"),
        encode(SWEEP, "mp3", "mp3", rate=22050),
    ]
    sound = decode_audio(b"".join(parts))
    assert sound.sample_rate_hz == RATE_HZ
    assert sound.seconds == pytest.approx(2 + 2 + 4, abs=0.3)
    assert sound.samples.shape[1] == 2
    for second in (1, 3, 6):
        assert np.abs(sound.samples[second * RATE_HZ :][:4000]).max() > 0.1


def test_the_default_stream_is_played_and_pictures_are_passed_over() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=10, width=64, height=48)
        video.pix_fmt = "yuv420p"
        streams = [container.add_stream("flac", rate=RATE_HZ, layout="stereo") for _ in range(3)]
        for number, stream in enumerate(streams):
            stream.disposition = Disposition.default if number == 1 else Disposition(0)
        for _ in range(3):
            container.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(video.encode(None))
        for number, stream in enumerate(streams):
            level = np.full((2, RATE_HZ), 0.1 * (number + 1), np.float32)
            frame = av.AudioFrame.from_ndarray(
                (level * 2**15).astype(np.int16).T.reshape(1, -1), "s16", "stereo"
            )
            frame.sample_rate, frame.pts = RATE_HZ, 0
            resampler = av.AudioResampler("s16", "stereo", RATE_HZ, frame_size=4608)
            for piece in resampler.resample(frame) + resampler.resample(None):
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
    assert decode_audio(file.getvalue()).samples[5000, 0] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (3, 2), (6, 2), (10, 2), (16, 2)])
def test_any_number_of_channels_is_mixed_down(channels: int, kept: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.tile(SWEEP[:, :1], (1, channels)), RATE_HZ, format="WAV")
    sound = decode_audio(file.getvalue())
    assert sound.samples.shape[1] in (1, kept)
    assert 0.05 < np.abs(sound.samples).max() < 2


def test_values_that_are_no_sound_are_silenced() -> None:
    damaged = SWEEP.copy()
    damaged[100:110] = np.nan
    damaged[200] = np.inf
    damaged[300] = 1e30
    sound = decode_audio(encode(damaged, "wav", "pcm_f32le"))
    assert np.isfinite(sound.samples).all()
    assert np.abs(sound.samples).max() < 1
    assert any("silenced" in note for note in sound.notes)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"MThd\0\0\0\x06\0\x01\0\x02\0\x60MTrk" + bytes(200), "MIDI"),
        (b"Extended Module: a song" + bytes(300), "XM"),
        (bytes(44) + b"SCRM" + bytes(300), "S3M"),
        (b"a song".ljust(1080, b"\0") + b"M.K." + bytes(3000), "MOD"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500), "picture"),
        (b"#EXTM3U\nhttp://radio.example/stream\n", "playlist"),
        (b"\0\0\0\x18ftypM4P mp42" + b"\0" * 8 + b"....moov....stsd" + bytes(12) + b"drms", "DRM"),
        (b"\x02#!SILK_V3" + bytes(300), "SILK"),
        (b"OFR \x0c\0\0\0" + bytes(300), "OptimFROG"),
        (b"MAC \x96\x0f" + bytes(300), "APE"),
        (b"PK\x03\x04" + bytes(300), "ZIP"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_sound_is_named_as_what_it_is(data: bytes, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        decode_audio(data)


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
