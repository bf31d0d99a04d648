"""Sound files of every kind that FFmpeg writes, and ways in which files are damaged."""

import io
from collections.abc import Callable
from functools import cache

import av
import numpy as np
from av.audio.stream import AudioStream

# what PyAV's FFmpeg writes into each, and reads again; several names of one format are one
CONTAINERS = {
    "3gp": "aac libopencore_amrnb",
    "ac3": "ac3",
    "adts": "aac",
    "adx": "adpcm_adx",
    "aiff": (
        "adpcm_ima_qt adpcm_ima_ws pcm_alaw pcm_f32be pcm_f64be pcm_mulaw pcm_s16be pcm_s16le "
        "pcm_s24be pcm_s32be pcm_s8 pcm_u8"
    ),
    "amr": "libopencore_amrnb",
    "argo_asf": "adpcm_argo",
    "asf": (
        "aac ac3 adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 g726 "
        "libopencore_amrnb mp2 mp3 pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le "
        "pcm_s32le pcm_s64le pcm_u8 vorbis"
    ),
    "ast": "pcm_s16be_planar",
    "au": (
        "g722 g726le pcm_alaw pcm_f32be pcm_f64be pcm_mulaw pcm_s16be pcm_s24be pcm_s32be pcm_s8"
    ),
    "avi": (
        "aac ac3 adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 g726 "
        "libopencore_amrnb mp2 mp3 pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le "
        "pcm_s32le pcm_s64le pcm_u8 vorbis"
    ),
    "caf": (
        "ac3 adpcm_ima_qt adpcm_ima_wav adpcm_ms alac flac libopencore_amrnb mp2 mp3 pcm_alaw "
        "pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be pcm_s16le pcm_s24be "
        "pcm_s24le pcm_s32be pcm_s32le pcm_s8"
    ),
    "eac3": "eac3",
    "flac": "flac",
    "flv": "aac ac3 adpcm_swf eac3 flac mp3 nellymoser opus pcm_s16le pcm_u8",
    "ipod": "aac ac3 alac",
    "ircam": ("pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le pcm_s32le pcm_s8"),
    "latm": "aac",
    "matroska": (
        "aac ac3 alac eac3 flac mp2 mp3 opus pcm_f32le pcm_f64le pcm_s16be pcm_s16le "
        "pcm_s24be pcm_s24le pcm_s32be pcm_s32le pcm_u8 real_144 tta vorbis wavpack"
    ),
    "mmf": "adpcm_yamaha",
    "mov": (
        "aac ac3 adpcm_ima_qt alac eac3 libopencore_amrnb mp2 mp3 nellymoser pcm_alaw "
        "pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be pcm_s16le pcm_s24be "
        "pcm_s24le pcm_s32be pcm_s32le pcm_s8 pcm_u8"
    ),
    "mp2": "mp2",
    "mp3": "mp3",
    "mp4": (
        "aac ac3 alac eac3 flac mp2 mp3 opus pcm_f32be pcm_f32le pcm_f64be pcm_f64le "
        "pcm_s16be pcm_s16le pcm_s24be pcm_s24le pcm_s32be pcm_s32le vorbis"
    ),
    "mpeg": "ac3 mp2 mp3 pcm_dvd pcm_s16be",
    "mpegts": "aac ac3 eac3 mp2 mp3 opus",
    "nut": (
        "aac ac3 adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 libopencore_amrnb mp2 "
        "mp3 opus pcm_alaw pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be "
        "pcm_s16be_planar pcm_s16le pcm_s16le_planar pcm_s24be pcm_s24le pcm_s24le_planar "
        "pcm_s32be pcm_s32le pcm_s32le_planar pcm_s64be pcm_s64le pcm_s8 pcm_s8_planar "
        "pcm_u16be pcm_u16le pcm_u24be pcm_u24le pcm_u32be pcm_u32le pcm_u8 vorbis wavpack"
    ),
    "ogg": "flac opus vorbis",
    "rm": "aac ac3 real_144",
    "smjpeg": "pcm_s16le",
    "sox": "pcm_s32be pcm_s32le",
    "spdif": "ac3 eac3 mp2 mp3",
    "swf": "mp3",
    "tta": "tta",
    "voc": "pcm_alaw pcm_mulaw pcm_s16le pcm_u8",
    "w64": (
        "ac3 adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 g726 "
        "libopencore_amrnb mp2 mp3 pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le "
        "pcm_s32le pcm_s64le pcm_u8"
    ),
    "wav": (
        "ac3 adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 g726 "
        "libopencore_amrnb mp2 mp3 pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le "
        "pcm_s32le pcm_s64le pcm_u8"
    ),
    "webm": "opus vorbis",
    "wsaud": "adpcm_ima_ws",
    "wtv": (
        "ac3 adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha dfpwm eac3 flac g722 g726 "
        "libopencore_amrnb mp2 mp3 pcm_alaw pcm_f32le pcm_f64le pcm_mulaw pcm_s16le pcm_s24le "
        "pcm_s32le pcm_s64le pcm_u8 vorbis"
    ),
    "wv": "wavpack",
}
# what has no mark at its beginning by which it could be told from anything else
BARE = [
    "alaw",
    "aptx",
    "aptx_hd",
    "dfpwm",
    "f32be",
    "f32le",
    "f64be",
    "f64le",
    "g722",
    "g726",
    "g726le",
    "mulaw",
    "s16be",
    "s16le",
    "s24be",
    "s24le",
    "s32be",
    "s32le",
    "s8",
    "sbc",
    "u16be",
    "u16le",
    "u24be",
    "u24le",
    "u32be",
    "u32le",
    "u8",
    "vidc",
]
_OF_BARE = {**{form: f"pcm_{form}" for form in ("alaw", "mulaw", "vidc", "s8", "u8")}}
TONE_HZ, SECONDS = 440, 0.6
_RATES = {
    "opus": 48_000,
    "pcm_bluray": 48_000,
    "pcm_dvd": 48_000,
    "g722": 16_000,
    "g726": 8_000,
    "g726le": 8_000,
    "nellymoser": 16_000,
    "libopencore_amrnb": 8_000,
    "real_144": 8_000,
}


def codec_of(bare: str) -> str:
    """Return the codec of a format that has no header."""
    known = _OF_BARE.get(bare)
    return known or (bare if bare[1:2] not in "1236" or bare[0] == "g" else f"pcm_{bare}")


@cache
def sound_file(form: str, codec: str, seconds: float = SECONDS) -> bytes:
    """Write a tone."""
    rate = 8_000 if form == "mmf" else _RATES.get(codec, 44_100)
    layout = "mono" if rate < 44_100 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.options = {"strict": "experimental"}
        context.open()
        wave = 0.3 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(seconds * rate)) / rate)
        planes = np.tile(wave.astype(np.float32), (1 if layout == "mono" else 2, 1))
        frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
        frame.sample_rate, frame.pts = rate, 0
        size = context.frame_size or 1024
        resampler = av.AudioResampler(context.format.name, layout, rate, frame_size=size)
        for piece in resampler.resample(frame) + resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def junk(count: int) -> bytes:
    """Return bytes that are no sound."""
    return np.random.default_rng(7).bytes(count)


def latin_tag() -> bytes:
    """Return an ID3 tag whose title is in Latin-1, and in no encoding at all."""
    text = b"\0Stra\xdfenl\xe4rm \xff\xfe\x80\x81"
    frame = b"TIT2" + len(text).to_bytes(4, "big") + b"\0\0" + text
    return b"ID3\x03\0\0" + bytes((0, 0, 0, len(frame))) + frame


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "whole": lambda data: data,
    "half": lambda data: data[: len(data) // 2],
    "a tenth": lambda data: data[: len(data) // 10],
    "last byte missing": lambda data: data[:-1],
    "beginning missing": lambda data: data[len(data) // 10 :],
    "tag before": lambda data: latin_tag() + data,
    "tag behind": lambda data: data + b"TAG" + b"\xe9\xff" * 62 + b"\0",
    "zeros before": lambda data: bytes(3000) + data,
    "junk before": lambda data: junk(3000) + data,
    "junk behind": lambda data: data + junk(3000),
    "zeros within": lambda data: data[: len(data) // 2] + bytes(500) + data[len(data) // 2 + 500 :],
    "junk within": lambda data: data[: len(data) // 2] + junk(500) + data[len(data) // 2 :],
}
