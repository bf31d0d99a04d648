"""A finished film looked at frame by frame, as a viewer will see it, against its plan."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import av.error
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.errors import BadInput, FaultyOutput
from serving.render.audio_files import decode_sound_of
from serving.render.planned import draw_planned
from serving.render.profiles import Codec
from serving.video.check.faults import Finding, check_cuts, check_frames, check_sound
from serving.video.check.measures import measure_frames, measure_sound
from serving.video.edit.cut_points import Music
from serving.workflows.rendering import PreparedFilm

_TOLD = 20
_BT709, _LIMITED = 1, 1  # ITU-T H.273, and FFmpeg's number for video range


@dataclass(frozen=True)
class Planned:
    """What a film was to be.

    Attributes
    ----------
    cut : the film, what it is made of, its sound and codec
    cuts : frames at which its transitions are centred
    music : beats that the cuts follow; None where they need not
    """

    cut: PreparedFilm
    cuts: tuple[int, ...]
    music: Music | None


def find_faults(path: Path, planned: Planned, go_on: Callable[[], None]) -> list[Finding]:
    """Decode the film and hold it against its plan.

    Parameters
    ----------
    go_on : called for every frame; raises where the check is to end

    Returns
    -------
    Another size, rate, codec or colours than planned; frames that are wrong, black, frozen or
    repeated, cuts off their beat, and sound that is missing, silent, clipped or of another length.
    """
    film = planned.cut.film
    try:
        findings = [*_check_header(path, planned.cut)]
        seen = _luma(path, go_on)
        small = draw_planned(film, planned.cut.sources)
        figures = measure_frames(seen, small, max(2, round(film.fps / 2)))
        findings += check_frames(figures)
        findings += _check_heard(path, planned.cut)
    except av.error.FFmpegError as error:
        return [Finding("damaged", 0, f"the file cannot be decoded: {error}")]
    if planned.music is not None:
        findings += check_cuts(planned.cuts, planned.music.beats_s, float(film.fps))
    return findings


def _check_header(path: Path, cut: PreparedFilm) -> Iterator[Finding]:
    """Say in what the file's header differs from the plan."""
    with av.open(str(path)) as container:
        pictures, heard = len(container.streams.video), len(container.streams.audio)
        wanted = 1, int(cut.sound is not None)
        if (pictures, heard) != wanted:
            reason = f"the file has {pictures} pictures and {heard} sounds, planned were {wanted}"
            yield Finding("format", 0, reason)
        if not pictures:
            return
        said, planned = _facts_of(container.streams.video[0]), _facts(cut)
    for name, value in planned.items():
        if said[name] != value:
            yield Finding("format", 0, f"{name}: {said[name]} where {value} was planned")


def _facts_of(stream: VideoStream) -> dict[str, object]:
    context = stream.codec_context
    colours = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
    return {
        "codec": context.codec.canonical_name,
        "size": (context.width, context.height),
        "frames per second": stream.average_rate,
        "pixels": context.pix_fmt,
        "colours": tuple(int(colour) for colour in colours),
    }


def _facts(cut: PreparedFilm) -> dict[str, object]:
    codec: Codec = cut.codec
    return {
        "codec": codec,
        "size": (cut.film.width, cut.film.height),
        "frames per second": Fraction(cut.film.fps),
        "pixels": "yuv420p",
        "colours": (_BT709, _BT709, _BT709, _LIMITED),
    }


def _check_heard(path: Path, cut: PreparedFilm) -> Sequence[Finding]:
    """Hold the file's sound against the mix."""
    if cut.sound is None:
        return ()
    try:
        heard = decode_sound_of(path)
    except BadInput as error:
        return (Finding("silent", 0, f"there is no sound: {error}"),)
    wanted = measure_sound(cut.sound.samples, cut.sound.rate_hz)
    figures = measure_sound(heard.samples, heard.sample_rate_hz)
    film = cut.film
    return check_sound(figures, wanted, film.frames, float(film.fps), _block_s(path))


def _block_s(path: Path) -> float:
    """Return how long a frame of the sound's codec is: it ends with a whole one."""
    with av.open(str(path)) as container:
        context = container.streams.audio[0].codec_context
        return context.frame_size / context.sample_rate


def faulty(name: str, findings: Sequence[Finding], shown: str) -> FaultyOutput:
    """Return the error that says what is wrong with a film, and where to look at it."""
    first = findings[0]
    reason = f"the film {name} is faulty at frame {first.frame}: {first.reason}"
    return FaultyOutput(reason, [asdict(finding) for finding in findings[:_TOLD]], shown)


def picture_of(path: Path, frame: int) -> bytes:
    """Return one frame of a film as a JPEG, for people; the last one if there are not so many."""
    with av.open(str(path)) as container:
        *_, picture = islice(container.decode(video=0), frame + 1)
        file = io.BytesIO()
        Pillow.fromarray(picture.to_ndarray(format="rgb24")).save(file, "JPEG", quality=88)
        return file.getvalue()


def _luma(path: Path, go_on: Callable[[], None]) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            go_on()
            plane = frame.planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            yield rows[: frame.height, : frame.width]
