"""Sound in files: any container decoded, within limits, and AAC there and back."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from serving.audio.loudness import RoundTrip
from serving.audio.samples import Samples, to_channels
from serving.errors import BadInput, TooLarge

# No playlists: those would make the reader open what they name.
FORMATS = (
    "wav,w64,aiff,flac,mp3,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,ac3,eac3,caf,"
    "avi,asf,mpegts,mpeg,flv,amr,wv,opus"
)
MAX_BYTES, MAX_SECONDS = 200 * 2**20, 20 * 60.0
# Less than this of what the header promises means that the file was cut off.
COMPLETE_SHARE, COMPLETE_SLACK_S = 0.98, 0.5
# An Ogg file does not say how long it is, but flags its last page.
OGG_PAGE, OGG_LAST = b"OggS", b"\x04"
AAC_BIT_RATE = 192_000
RATES_HZ = (8_000, 96_000)  # of AAC


@dataclass(frozen=True)
class AudioLimits:
    """What is accepted."""

    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS


@dataclass(frozen=True)
class DecodedAudio:
    """Decoded sound; float32, shape (frames, 1 or 2)."""

    samples: Samples
    sample_rate_hz: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.sample_rate_hz


def decode_audio(
    data: bytes, limits: AudioLimits | None = None, sample_rate_hz: int | None = None
) -> DecodedAudio:
    """Decode the first audio stream of a file: wav, flac, mp3, ogg, m4a, or a film's sound.

    Parameters
    ----------
    data : the file
    sample_rate_hz : to bring it to; its own when None

    Raises
    ------
    TooLarge
        When it has more bytes or seconds than allowed; decoding stops there.
    BadInput
        When it is no sound file, is damaged or cut off, or holds no sound.
    """
    limits = limits or AudioLimits()
    if len(data) > limits.max_bytes:
        raise TooLarge("bytes of sound", len(data), limits.max_bytes)
    if not data:
        raise BadInput("the sound file is empty")
    if data[:4] == OGG_PAGE and not data[data.rfind(OGG_PAGE) :][5:6] >= OGG_LAST:
        raise BadInput("the sound is cut off: its last page is missing")
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "pipe"}
    try:
        with av.open(io.BytesIO(data), "r", options=options) as container:
            return _decode(container, limits, sample_rate_hz)
    except (av.FFmpegError, UnicodeDecodeError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"the sound cannot be decoded: {reason}") from error


def _decode(
    container: InputContainer, limits: AudioLimits, sample_rate_hz: int | None
) -> DecodedAudio:
    if not container.streams.audio:
        raise BadInput("the file has no sound in it")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise BadInput("the sound is encoded in a way that is not known")
    promised = _promised_seconds(container, stream)
    if promised > limits.max_seconds:
        raise TooLarge("seconds of sound", promised, limits.max_seconds)
    rate = sample_rate_hz or stream.rate
    if not rate or not stream.channels:
        raise BadInput("the sound's header says neither rate nor channels")
    chunks = _collect(_chunks(container, stream, rate), rate, limits.max_seconds)
    samples = np.ascontiguousarray(np.concatenate(chunks, axis=1).T)
    seconds = len(samples) / rate
    if seconds < COMPLETE_SHARE * promised - COMPLETE_SLACK_S:
        raise BadInput(f"the sound is cut off: {seconds:.1f} s of {promised:.1f} s are there")
    if not np.isfinite(samples).all():
        raise BadInput("the sound holds values that are not finite")
    return DecodedAudio(samples, rate)


def _collect(chunks: Iterator[Samples], rate: int, max_seconds: float) -> list[Samples]:
    """Gather what is decoded, until it is too much."""
    kept, count = [], 0
    for chunk in chunks:
        kept.append(chunk)
        count += chunk.shape[1]
        if count > max_seconds * rate:
            raise TooLarge("seconds of sound", count / rate, max_seconds)
    if not count:
        raise BadInput("the file holds no sound")
    return kept


def _chunks(container: InputContainer, stream: AudioStream, rate: int) -> Iterator[Samples]:
    """Yield decoded float32 planes, shape (channels, frames); what is not mono becomes stereo."""
    layout = "mono" if stream.channels == 1 else "stereo"
    resampler = AudioResampler("fltp", layout, rate)
    for frame in container.decode(stream):
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray().astype(np.float32, copy=False)
    for resampled in resampler.resample(None):
        yield resampled.to_ndarray().astype(np.float32, copy=False)


def _promised_seconds(container: InputContainer, stream: AudioStream) -> float:
    """Return how long the header says the sound is; 0 when it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / av.time_base


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
