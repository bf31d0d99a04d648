"""AAC there and back: how a film's sound is encoded, and what a listener will hear of it."""

import io
from collections.abc import Iterator

import av
import numpy as np

from serving.audio.loudness import RoundTrip
from serving.audio.samples import Samples, to_channels
from serving.errors import BadInput
from serving.render.audio_files import AudioLimits, decode_audio

AAC_BIT_RATE = 192_000
RATES_HZ = (8_000, 96_000)  # of AAC


def encode_aac(samples: Samples, sample_rate_hz: int, bit_rate: int = AAC_BIT_RATE) -> bytes:
    """Encode to AAC in an MP4 file.

    Parameters
    ----------
    samples : float32, shape (frames,) or (frames, channels)
        Of 8 to 96 kHz; more than two channels become stereo.

    Raises
    ------
    BadInput
        When AAC has no such sample rate.
    """
    if not RATES_HZ[0] <= sample_rate_hz <= RATES_HZ[1]:
        raise BadInput(f"AAC has no sample rate of {sample_rate_hz} Hz")
    channels = 1 if samples.ndim == 1 or samples.shape[1] == 1 else 2
    planes = np.ascontiguousarray(to_channels(samples, channels).T)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        layout = "mono" if channels == 1 else "stereo"
        stream = container.add_stream(
            "aac", rate=sample_rate_hz, options={"aac_coder": "fast"}, layout=layout
        )
        stream.bit_rate = bit_rate
        for frame in _frames(planes, layout, sample_rate_hz):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _frames(planes: Samples, layout: str, rate: int) -> Iterator[av.AudioFrame]:
    """Cut planes into frames of the encoder's length, with their times."""
    for start in range(0, planes.shape[1], 1024):
        part = np.ascontiguousarray(planes[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        yield frame


def aac_round_trip(sample_rate_hz: int, bit_rate: int = AAC_BIT_RATE) -> RoundTrip:
    """Return what encodes to AAC and decodes again, to the same length and shape."""

    def there_and_back(samples: Samples) -> Samples:
        limits = AudioLimits(max_bytes=2**40, max_seconds=1e9)
        decoded = decode_audio(encode_aac(samples, sample_rate_hz, bit_rate), limits).samples
        same = np.zeros((len(samples), decoded.shape[1]), np.float32)
        same[: len(decoded)] = decoded[: len(same)]
        return same[:, 0] if samples.ndim == 1 else same

    return there_and_back
