"""Sound in files: whatever of a file decodes, within limits, and what is to be known of it."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from serving.audio.samples import Samples
from serving.errors import BadInput, TooLarge
from serving.render.audio_kinds import FORMATS, find_sounds, mp4_padding, name_damaged, name_kind
from serving.render.audio_lengths import missing, promised_seconds

MAX_BYTES, MAX_SECONDS = 200 * 2**20, 20 * 60.0
# What a file's own rate is brought into: no music needs more, and memory grows with it.
LOWEST_HZ, HIGHEST_HZ = 8_000, 96_000
MOST_CHANNELS = 24  # of the largest layout of loudspeakers, 22.2
LOUDEST = 1e6  # 120 dB above full scale: no sound, but the bits of a damaged file
_START = 64  # bytes of a file, by which it is named
_LESS_WANTED = Disposition.comment | Disposition.hearing_impaired | Disposition.visual_impaired
_UNREADABLE = (av.FFmpegError, ValueError, ArithmeticError)


@dataclass(frozen=True)
class AudioLimits:
    """What is accepted."""

    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS


@dataclass(frozen=True)
class DecodedAudio:
    """Decoded sound; float32, shape (frames, 1 or 2), and what a person should know of its file."""

    samples: Samples
    sample_rate_hz: int
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.sample_rate_hz


def decode_audio(
    data: bytes, limits: AudioLimits | None = None, sample_rate_hz: int | None = None
) -> DecodedAudio:
    """Decode the default audio stream of a file: wav, flac, mp3, ogg, m4a, or a film's sound.

    Parameters
    ----------
    data : the file
    sample_rate_hz : to bring it to; its own when None, within 8 to 96 kHz

    Returns
    -------
    All that decodes. Damage, a file that ends early, and bytes before the sound are no errors:
    `notes` tell of them.

    Raises
    ------
    TooLarge
        When it has more bytes or seconds than allowed; decoding stops there.
    BadInput
        When nothing in it decodes; the message says what the file is, where that is known.
    """
    limits = limits or AudioLimits()
    if len(data) > limits.max_bytes:
        raise TooLarge("bytes of sound", len(data), limits.max_bytes)
    if not data:
        raise BadInput("the sound file is empty")
    try:
        return _open(data, None, limits, sample_rate_hz)
    except TooLarge:
        raise
    except BadInput as error:
        kind = name_kind(data)
        if kind is not None:
            raise BadInput(kind) from error
        found = _look_further(data, limits, sample_rate_hz)
        if found is None:
            raise
        return found


def decode_sound_of(film: Path) -> DecodedAudio:
    """Decode the sound of a film that was made here, whose file may be too large for memory.

    Raises
    ------
    BadInput
        When it has none that can be decoded.
    """
    with film.open("rb") as file:
        start = file.read(_START)
    return _open(start, None, AudioLimits(max_seconds=math.inf), None, film)


def _look_further(
    data: bytes, limits: AudioLimits, sample_rate_hz: int | None
) -> DecodedAudio | None:
    """Decode what lies behind bytes that are no sound, or misses its last ones; None if nothing."""
    for start, form in find_sounds(data):
        padding = b"" if start else mp4_padding(data)
        if not start and not padding:
            continue
        try:
            found = _open(data[start:] + padding, form, limits, sample_rate_hz)
        except TooLarge:
            raise
        except BadInput:
            continue
        note = f"the first {start:,} bytes of the file are no sound and were passed over"
        if not start:
            note = "the file's last bytes are missing"
        return DecodedAudio(found.samples, found.sample_rate_hz, (note, *found.notes))
    return None


def _open(
    data: bytes,
    form: str | None,
    limits: AudioLimits,
    sample_rate_hz: int | None,
    path: Path | None = None,
) -> DecodedAudio:
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file" if path else "pipe"}
    source = io.BytesIO(data) if path is None else str(path)
    try:
        with av.open(
            source, "r", format=form, options=options, metadata_errors="replace"
        ) as container:
            return _decode(container, data, limits, sample_rate_hz)
    except av.EOFError as error:
        raise BadInput("the file is cut off: it ends before its sound begins") from error
    except (av.InvalidDataError, av.ArgumentError) as error:
        raise BadInput(f"the sound cannot be decoded: {name_damaged(data)}") from error
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"the sound cannot be decoded: {reason}") from error


def _decode(
    container: InputContainer, data: bytes, limits: AudioLimits, sample_rate_hz: int | None
) -> DecodedAudio:
    stream = choose_stream(container)
    frames = _Frames(container, stream)
    chunks = list[Samples]()
    converter = _Converter(sample_rate_hz)
    count = 0
    for chunk in converter.convert(iter(frames)):
        chunks.append(chunk)
        count += chunk.shape[1]
        if count > limits.max_seconds * converter.rate_hz:
            raise TooLarge("seconds of sound", count / converter.rate_hz, limits.max_seconds)
    if not count:
        kind = f"{stream.codec_context.name} in {container.format.name.partition(',')[0]}"
        raise BadInput(f"the file holds no sound that can be decoded ({kind})")
    channels = max(len(chunk) for chunk in chunks)
    planes = [np.broadcast_to(chunk, (channels, chunk.shape[1])) for chunk in chunks]
    samples = np.ascontiguousarray(np.concatenate(planes, axis=1).T)
    promised = promised_seconds(container, stream, data)
    notes = [missing(count / converter.rate_hz, promised, frames.damaged, data), _silence(samples)]
    return DecodedAudio(samples, converter.rate_hz, tuple(note for note in notes if note))


def choose_stream(container: InputContainer) -> AudioStream:
    """Return the stream that a player plays: the default one of those that can be decoded.

    Raises
    ------
    BadInput
        When there is no audio stream, or none that can be decoded.
    """
    streams = container.streams.audio
    if not streams:
        raise BadInput("the file has no sound in it")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise BadInput("the sound is encoded in a way that is not known")
    return min(known, key=_rank)


def _rank(stream: AudioStream) -> tuple[bool, bool, int]:
    disposition = stream.disposition
    is_default = bool(disposition & Disposition.default)
    return (bool(disposition & _LESS_WANTED), not is_default, stream.index)


class _Frames:
    """The decoded frames of a stream; what is damaged is left out and counted.

    Attributes
    ----------
    damaged : number of packets that did not decode, and of reads that failed, between those that
        did: at both ends they are tags and headers, or a part that was cut
    """

    _MOST_FAILED_READS = 100  # in a row: a reader that is stuck ends nowhere

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self.damaged = self._failed = 0
        self._begun = False
        self._container, self._stream = container, stream

    def __iter__(self) -> Iterator[av.AudioFrame]:
        for packet in self._packets():
            try:
                frames = [frame for frame in packet.decode() if _is_sound(frame)]
            except av.EOFError:
                return
            except _UNREADABLE:
                self._failed += 1
                continue
            if frames:
                self.damaged += self._failed if self._begun else 0
                self._failed, self._begun = 0, True
                yield from frames

    def _packets(self) -> Iterator["av.Packet[AudioStream]"]:
        """Read on after a read that failed: the readers find their way back."""
        failed = 0
        while failed < self._MOST_FAILED_READS:
            try:
                for packet in self._container.demux(self._stream):
                    failed = 0
                    yield packet
            except av.EOFError:
                return
            except _UNREADABLE:
                failed += 1
                self._failed += 1
            else:
                return


def _is_sound(frame: object) -> bool:
    return isinstance(frame, av.AudioFrame) and frame.samples > 0 and frame.sample_rate > 0


class _Converter:
    """Brings frames to float32 planes of one rate, though they change their form on the way.

    An mp3 joined of mono and stereo parts, or of parts of different rates, does.
    """

    def __init__(self, sample_rate_hz: int | None) -> None:
        self.rate_hz = sample_rate_hz or 0

    def convert(self, frames: Iterator[av.AudioFrame]) -> Iterator[Samples]:
        """Yield float32 planes, shape (1 or 2, frames)."""
        form: tuple[str, str, int] | None = None
        resampler: AudioResampler | None = None
        for frame in frames:
            of_frame = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or of_frame != form:
                yield from _planes(resampler, None)
                self.rate_hz = self.rate_hz or _usual_rate(frame.sample_rate)
                form, resampler = of_frame, AudioResampler("fltp", _layout(frame), self.rate_hz)
            frame.pts = None  # a damaged file's times jump
            yield from _planes(resampler, frame)
        yield from _planes(resampler, None)


def _planes(resampler: AudioResampler | None, frame: av.AudioFrame | None) -> Iterator[Samples]:
    if resampler is None:
        return
    for resampled in resampler.resample(frame):
        planes = resampled.to_ndarray().astype(np.float32, copy=False)
        if planes.shape[1]:
            yield planes if len(planes) <= 2 else planes.mean(axis=0, keepdims=True)


def _layout(frame: av.AudioFrame) -> str | None:
    """Return what to bring a frame to; None where nobody knows which channel is which."""
    count = frame.layout.nb_channels
    if count > MOST_CHANNELS:
        raise BadInput(f"the sound has {count} channels; up to {MOST_CHANNELS} are read")
    if count == 1:
        return "mono"
    placed = all(channel.name for channel in frame.layout.channels)
    return "stereo" if count == 2 or placed else None


def _usual_rate(rate_hz: int) -> int:
    return min(max(rate_hz, LOWEST_HZ), HIGHEST_HZ)


def _silence(samples: Samples) -> str:
    """Put silence, in place, where values are none of sound; say so."""
    wrong = ~(np.abs(samples) < LOUDEST)  # so that NaN is wrong, too
    if not wrong.any():
        return ""
    samples[wrong] = 0
    return "values that are not finite, or far beyond full scale, were silenced"
