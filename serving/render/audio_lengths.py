"""How long a file says that its sound is, where that is a promise and no guess."""

import math
import struct

from av import time_base
from av.audio.stream import AudioStream
from av.container import InputContainer

# Their headers state a length. FFmpeg's durations of mp3 without a Xing header, ADTS, AC-3, AMR and
# MPEG streams come from the bit rate, those of Ogg from the last page, and AVI's
# are wrong for ADPCM: guesses, and no promise.
_STATED = frozenset(
    [
        "wav",
        "w64",
        "aiff",
        "au",
        "caf",
        "flac",
        "mov",
        "matroska",
        "ape",
        "tta",
        "tak",
        "wv",
        "asf",
        "mp3",
        "dsf",
        "iff",
        "voc",
        "sox",
        "mpc",
        "mpc8",
    ]
)
_XING = (b"Xing", b"Info", b"VBRI")
_XING_WITHIN = 4096  # of the first frame
# Encoders pad, and containers count in their own units: less than this is none missing.
COMPLETE_SHARE, COMPLETE_SLACK_S = 0.98, 0.2
_OGG_PAGE, _OGG_LAST = b"OggS", 4
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
# Sizes that writers to a pipe leave in a WAV's header: unknown, as much as there is.
_STREAMED = 0x7FFFF000
_PCM = (1, 3)  # whole numbers and floats


def promised_seconds(container: InputContainer, stream: AudioStream, data: bytes) -> float:
    """Return how long the header says that the sound is; 0 when it does not, or guesses."""
    form = container.format.name.partition(",")[0]
    if form not in _STATED or (form == "mp3" and not _has_xing(data)):
        return 0.0
    alone = len(container.streams) == 1  # else the file's length may be the picture's
    if form == "asf":
        return _stated_in_asf(data) if alone else 0.0
    stated = _stated_in_chunks(data)
    if stated:
        return stated
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / time_base if alone else 0.0


def missing(seconds: float, promised: float, damaged: int, data: bytes) -> str:
    """Say what of the sound is not there; empty when nothing is known to be missing.

    Parameters
    ----------
    seconds : what was decoded
    promised : by the header; 0 where it does not say
    damaged : number of parts that did not decode
    """
    if seconds < COMPLETE_SHARE * promised - COMPLETE_SLACK_S:
        how = "damaged" if damaged > 1 else "cut off"
        return f"the sound is {how}: {seconds:.1f} s of {promised:.1f} s are there"
    if damaged:
        parts = "one part of it does" if damaged == 1 else f"{damaged} parts of it do"
        return f"the sound is damaged: {parts} not decode: left out"
    if data[:4] == _OGG_PAGE and not _ends_marked(data):
        return "the file does not mark its end: if the sound ends early, it was cut off"
    return ""


def _ends_marked(data: bytes) -> bool:
    """Say whether the last page of an Ogg file is flagged as its last."""
    last = data.rfind(_OGG_PAGE)
    return len(data) > last + 5 and bool(data[last + 5] & _OGG_LAST)


def _has_xing(data: bytes) -> bool:
    """Say whether an mp3's first frame counts the others."""
    start = 0
    if data[:3] == b"ID3" and len(data) > 10:
        start = 10 + sum(
            byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True)
        )
    return any(mark in data[start : start + _XING_WITHIN] for mark in _XING)


def _stated_in_chunks(data: bytes) -> float:
    """Return the seconds that a WAV's or AIFF's chunks state: FFmpeg cuts them to the file."""
    order = "<" if data[:4] == b"RIFF" else ">"
    if data[:4] not in (b"RIFF", b"FORM"):
        return 0.0
    at, bytes_per_s, frames_s = 12, 0, 0.0
    while at + 8 <= len(data):
        name = data[at : at + 4]
        (size,) = struct.unpack_from(order + "I", data, at + 4)
        body = data[at + 8 : at + 40]
        if name == b"fmt " and len(body) >= 14:
            bytes_per_s = _bytes_per_s(body)
        elif name == b"COMM" and len(body) >= 18:
            (frames,) = struct.unpack_from(">I", body, 2)
            frames_s = frames / max(_extended(body[8:18]), 1.0)
        elif name == b"data":
            return size / bytes_per_s if bytes_per_s and size < _STREAMED else 0.0
        elif name == b"SSND":
            return frames_s
        at += 8 + size + size % 2
    return 0.0


def _bytes_per_s(form: bytes) -> int:
    """Return the bytes a second of a WAV's `fmt `; players look at PCM's rate and block alone."""
    code, _, rate_hz, bytes_per_s, block = struct.unpack_from("<HHIIH", form)
    return int(rate_hz * block if code in _PCM else bytes_per_s)


def _stated_in_asf(data: bytes) -> float:
    """Return the seconds that an ASF file's properties state, less what players load ahead."""
    at = data.find(_ASF_PROPERTIES, 0, 2**16)
    if at < 0 or len(data) < at + 88:
        return 0.0
    play, _, preroll_ms = struct.unpack_from("<QQQ", data, at + 64)
    return max(0.0, float(play) / 1e7 - float(preroll_ms) / 1e3)


def _extended(raw: bytes) -> float:
    """Read the 80-bit float in which AIFF keeps its sample rate."""
    exponent, mantissa = struct.unpack(">HQ", raw)
    power = (exponent & 0x7FFF) - 16383 - 63
    return math.ldexp(mantissa, power) if -200 < power < 200 else 0.0
