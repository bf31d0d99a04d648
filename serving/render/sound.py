"""A film's sound as AAC."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.render.aac import encode_aac

RATES_HZ = (44_100, 48_000)


@dataclass(frozen=True, eq=False)
class Sound:
    """Samples of a mix.

    Parameters
    ----------
    samples : float32, shape (samples, 2)
        -1..1, stereo.
    rate_hz : one of `RATES_HZ`
    notes : what is to be known of the files that it was mixed from
    """

    samples: NDArray[np.float32]
    rate_hz: int
    notes: tuple[str, ...] = ()


def encode_sound(sound: Sound, length_s: Fraction) -> bytes:
    """Encode exactly `length_s` as AAC in an MP4: cut off, or filled up with silence.

    Raises
    ------
    BadInput
        Not stereo, or another sample rate.
    """
    if sound.samples.ndim != 2 or sound.samples.shape[1] != 2 or sound.rate_hz not in RATES_HZ:
        raise BadInput(f"sound of shape {sound.samples.shape} at {sound.rate_hz} Hz: stereo wanted")
    samples = np.zeros((round(length_s * sound.rate_hz), 2), np.float32)
    part = sound.samples[: len(samples)]
    samples[: len(part)] = part
    # by the encoder through which its loudness was measured
    return encode_aac(samples, sound.rate_hz)
