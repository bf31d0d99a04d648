"""A film's sound as AAC."""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from serving.errors import BadInput

RATES_HZ = (44_100, 48_000)
_BIT_RATE = 192_000
_BLOCK = 1024  # samples of an AAC frame


@dataclass(frozen=True, eq=False)
class Sound:
    """Samples of a mix.

    Parameters
    ----------
    samples : float32, shape (samples, 2)
        -1..1, stereo.
    rate_hz : one of `RATES_HZ`
    """

    samples: NDArray[np.float32]
    rate_hz: int


def encode_sound(sound: Sound, length_s: Fraction) -> bytes:
    """Encode exactly `length_s` as AAC in an MP4: cut off, or filled up with silence.

    Raises
    ------
    BadInput
        Not stereo, or another sample rate.
    """
    if sound.samples.ndim != 2 or sound.samples.shape[1] != 2 or sound.rate_hz not in RATES_HZ:
        raise BadInput(f"sound of shape {sound.samples.shape} at {sound.rate_hz} Hz: stereo wanted")
    count = round(length_s * sound.rate_hz)
    samples = np.zeros((2, count), np.float32)
    part = sound.samples[:count]
    samples[:, : len(part)] = part.T
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=sound.rate_hz, bit_rate=_BIT_RATE)
        for start in range(0, count, _BLOCK):
            block = np.ascontiguousarray(samples[:, start : start + _BLOCK])
            frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = sound.rate_hz, start
            frame.time_base = Fraction(1, sound.rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
