"""Finished films spoilt on purpose, so that a viewer would see or hear it."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from serving.render.aac import encode_aac
from serving.render.audio_files import decode_audio

Pictures = list[NDArray[np.uint8]]  # yuv420p as FFmpeg lays it out: luma above, chroma below
Spoil = Callable[["Copy", Generator], "Copy | None"]
Compare = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]

_SEEN = 5.0  # mean change of luma that a viewer cannot miss
_HEARD_DB = -45.0
_TRIES = 12


@dataclass(frozen=True, eq=False)
class Copy:
    """A film decoded."""

    pictures: Pictures
    fps: float
    sound: NDArray[np.float32] | None
    rate_hz: int = 48_000

    def frames(self, seconds: float) -> int:
        """Return a number of frames, one at least."""
        return max(1, round(seconds * self.fps))


def open_copy(path: Path) -> Copy:
    """Decode a film."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 30)
        pictures = [frame.to_ndarray(format="yuv420p") for frame in container.decode(stream)]
        heard = bool(container.streams.audio)
    if not heard:
        return Copy(pictures, fps, None)
    sound = decode_audio(path.read_bytes())
    return Copy(pictures, fps, sound.samples, sound.sample_rate_hz)


def write_copy(copy: Copy, rate: Fraction, path: Path, **tags: int) -> None:
    """Encode it as films are; `tags` are set on the stream instead of its own."""
    with av.open(str(path), "w", format="mp4") as container:
        height, width = copy.pictures[0].shape
        options = {"preset": "superfast", "crf": "20"}
        stream: Any = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height * 2 // 3, "yuv420p"
        context = stream.codec_context
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(context, name, tags.get(name, 1))
        sound = None
        if copy.sound is not None:
            encoded = io.BytesIO(encode_aac(copy.sound, copy.rate_hz))
            sound = av.open(encoded, "r", format="mp4")
            heard = container.add_stream_from_template(sound.streams.audio[0])
        for picture in copy.pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
        container.mux(stream.encode(None))
        if sound is not None:
            for packet in sound.demux(sound.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = heard
                    container.mux(packet)
            sound.close()


def _change(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    luma = len(one) * 2 // 3
    return float(np.abs(one[:luma].astype(np.int16) - other[:luma]).mean())


def _change_of_scene(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the change without grain and fine patterns: of those a viewer sees no other ones."""
    return _change(*(np.asarray(cv2.blur(side, (5, 5)), np.uint8) for side in (one, other)))


def _put(copy: Copy, at: int, pictures: Pictures, change: Compare = _change) -> Copy | None:
    """Replace pictures; None where the middle one of them would hardly be seen to differ."""
    inside = pictures[: len(copy.pictures) - at]
    shown = [change(a, b) for a, b in zip(copy.pictures[at:], inside, strict=False)]
    if np.median(shown) < _SEEN:
        return None
    return replace(
        copy, pictures=[*copy.pictures[:at], *inside, *copy.pictures[at + len(inside) :]]
    )


def _places(copy: Copy, frames: int, rng: Generator) -> Iterator[int]:
    """Yield places for that many frames, neither at the start nor at the end."""
    free = len(copy.pictures) - frames - 2
    for _ in range(_TRIES if free > 0 else 0):
        yield 1 + int(rng.integers(free))


def _first(copies: Iterator[Copy | None]) -> Copy | None:
    return next((copy for copy in copies if copy is not None), None)


def black(copy: Copy, rng: Generator) -> Copy | None:
    """Show black for a moment."""
    picture = np.full_like(copy.pictures[0], 128)
    picture[: len(picture) * 2 // 3] = 16
    count = copy.frames(float(rng.choice([0.05, 0.3, 1.0])))
    return _first(_put(copy, at, [picture] * count) for at in _places(copy, count, rng))


def frozen(copy: Copy, rng: Generator) -> Copy | None:
    """Let the picture stand for a second or more."""
    count = copy.frames(float(rng.choice([1.0, 1.5])))

    def stop(at: int) -> Copy | None:
        # half of the time each picture shows what was a frame ago and more: so it has to be seen
        return _put(copy, at, [copy.pictures[at - 1]] * count)

    return _first(stop(at) for at in _places(copy, count, rng))


def cut_out(copy: Copy, rng: Generator) -> Copy | None:
    """Leave out half a second; at the end stands the last picture."""
    count = copy.frames(0.5)

    def leave_out(at: int) -> Copy | None:
        if _change(copy.pictures[at], copy.pictures[at + count]) < 3 * _SEEN:
            return None
        return _put(copy, at, [*copy.pictures[at + count :], *[copy.pictures[-1]] * count])

    return _first(leave_out(at) for at in _places(copy, count, rng))


def foreign(copy: Copy, rng: Generator) -> Copy | None:
    """Show a moment of another place of the film."""
    count = copy.frames(0.2)
    others = [*_places(copy, count, rng)]
    return _first(
        _put(copy, at, copy.pictures[other : other + count], _change_of_scene)
        for at, other in zip(_places(copy, count, rng), others, strict=False)
    )


def cut_off(copy: Copy, rng: Generator) -> Copy | None:
    """End early."""
    less = max(1, round(len(copy.pictures) * float(rng.choice([0.02, 0.2]))))
    return replace(copy, pictures=copy.pictures[:-less]) if less < len(copy.pictures) else None


def silent(copy: Copy, rng: Generator) -> Copy | None:
    """Take the sound away for a while where there is some."""
    if copy.sound is None:
        return None
    length = round(float(rng.choice([0.5, 1.0, 3.0])) * copy.rate_hz)
    for _ in range(_TRIES if len(copy.sound) > length else 0):
        at = int(rng.integers(len(copy.sound) - length))
        part = copy.sound[at : at + length]
        tenths = part[: len(part) // 4800 * 4800].reshape(-1, 4800 * part.shape[1])
        level_db = 20 * np.log10(np.sqrt((tenths**2).mean(axis=1)).min() + 1e-9)
        if level_db > _HEARD_DB:
            sound = copy.sound.copy()
            sound[at : at + length] = 0
            return replace(copy, sound=sound)
    return None


def sound_off(copy: Copy, _: Generator) -> Copy | None:
    """Leave the sound out."""
    return None if copy.sound is None else replace(copy, sound=None)


def sound_short(copy: Copy, _: Generator) -> Copy | None:
    """End the sound early."""
    if copy.sound is None:
        return None
    return replace(copy, sound=copy.sound[: -round(0.1 * copy.rate_hz)])


FAULTS: dict[str, Spoil] = {
    "black": black,
    "frozen": frozen,
    "cut_out": cut_out,
    "cut_off": cut_off,
    "foreign": foreign,
    "silent": silent,
    "sound_off": sound_off,
    "sound_short": sound_short,
}
