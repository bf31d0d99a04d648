"""A finished film looked at frame by frame, as a viewer will see it, against its plan."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.errors import FaultyOutput
from serving.render.audio_files import AudioLimits, decode_audio
from serving.render.sound import Sound
from serving.video.check import Finding, check_cuts, check_frames, check_sound, expect
from serving.video.film import Film
from serving.video.measures import measure_frames, measure_sound
from serving.video.places import Music

_TOLD = 20


@dataclass(frozen=True)
class Planned:
    """What a film was to be.

    Attributes
    ----------
    sizes : (width, height) by photo
    cards : names of the clips that are cards: these may be dark
    cuts : frames at which its transitions are centred
    music : beats that the cuts follow; None where they need not
    sound : the mix; None for a silent film
    """

    film: Film
    sizes: Mapping[str, tuple[int, int]]
    cards: frozenset[str]
    cuts: tuple[int, ...]
    music: Music | None
    sound: Sound | None


def find_faults(path: Path, planned: Planned, go_on: Callable[[], None]) -> list[Finding]:
    """Decode the film and hold it against its plan.

    Parameters
    ----------
    go_on : called for every frame; raises where the check is to end

    Returns
    -------
    Frames that are black, frozen, repeated or out of place, cuts off their beat, and sound that is
    silent, clipped or of another length.
    """
    film = planned.film
    expected = expect(film, planned.sizes, planned.cards)
    findings = list(check_frames(measure_frames(_luma(path, go_on)), expected))
    if planned.music is not None:
        findings += check_cuts(planned.cuts, planned.music.beats_s, float(film.fps))
    if planned.sound is not None:
        heard = decode_audio(path.read_bytes(), AudioLimits(2**40, 1e9))
        wanted = measure_sound(planned.sound.samples, planned.sound.rate_hz)
        figures = measure_sound(heard.samples, heard.sample_rate_hz)
        findings += check_sound(figures, wanted, film.frames, float(film.fps))
    return findings


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
