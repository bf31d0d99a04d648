"""Rendering inside a job: progress is reported, and it stops at once when the job is to end."""

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from serving.errors import JobStopped, StorageFull
from serving.models.session import cores
from serving.render.encoders import choose_encoding
from serving.render.film import Options, Rendered, render_film
from serving.render.frames import Sources
from serving.render.mux import Chapter
from serving.render.pool import RenderCancelled, RenderControl
from serving.render.preview import PreviewStream
from serving.render.profiles import PROFILES, Codec, fit_film
from serving.render.sound import Sound, encode_sound
from serving.requests.format import FRAMES, Format
from serving.storage.clips import ClipStore
from serving.video.edit.assembly import Shape
from serving.video.film import Film
from serving.workflows.run import Run

T = TypeVar("T")

PREVIEW = "preview"
_PREVIEW_CRF = 26
_LOOK_EVERY_S = 0.5
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mp4": "video/mp4", "m4s": "video/iso.segment"}


@dataclass(frozen=True)
class PreparedFilm:
    """A film that is ready to be rendered, with the sources that it names and its sound."""

    film: Film
    sources: Sources
    sound: Sound | None = None
    chapters: tuple[Chapter, ...] = ()
    codec: Codec = "h264"


@contextmanager
def workspace(run: Run) -> Iterator[Path]:
    """Give the attempt a folder of its own, gone at its end; StorageFull if the disk fills up."""
    with run.parts.scratch.job() as folder:
        try:
            yield folder
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise StorageFull(f"no room for the job's files: {error.strerror}") from error


def shape_of(spec: Format) -> Shape:
    """Return the frame of a format."""
    width, height = FRAMES[spec.aspect]
    factor = Fraction(PROFILES[spec.profile], PROFILES["1080p"])
    return Shape(2 * round(width * factor / 2), 2 * round(height * factor / 2), spec.rate)


def render_to(run: Run, cut: PreparedFilm, path: Path) -> Rendered:
    """Render the film to a file; segments that any job has made are taken from the store."""
    encoding = choose_encoding(hardware=True, codec=cut.codec)
    store = ClipStore(run.parts.engine, run.parts.storage)
    options = Options(encoding, store, cut.sound, cut.chapters, workers=cores())
    return _watched(run, lambda watch: render_film(cut.film, cut.sources, path, options, watch))


def publish_preview(run: Run, cut: PreparedFilm, folder: Path) -> str:
    """Render a small version that plays while it grows; return its playlist's key."""
    small = PreparedFilm(fit_film(cut.film, "preview"), cut.sources)
    base = run.key_of(PREVIEW)
    storage = run.parts.storage

    def publish(name: str, data: bytes) -> None:
        storage.write(f"{base}/{name}", data, _TYPES[name.rpartition(".")[2]])

    encoding = choose_encoding(crf=_PREVIEW_CRF)
    sound = cut.sound and encode_sound(cut.sound, cut.film.frames / cut.film.fps)
    stream = PreviewStream(small.film, encoding, sound or None, publish)
    store = ClipStore(run.parts.engine, run.parts.storage)
    options = Options(encoding, store, ready=stream.add, workers=cores())
    path = folder / "preview.mp4"
    _watched(
        run,
        lambda watch: render_film(small.film, small.sources, path, options, watch),
        "preview frames",
    )
    stream.close()
    path.unlink()
    return f"{base}/playlist.m3u8"


def forget(run: Run, cut: PreparedFilm) -> None:
    """Forget what is kept of a film's photos, so that a fault in it is not rendered again."""
    store = ClipStore(run.parts.engine, run.parts.storage)
    for photo in {clip.photo for clip in cut.film.clips}:
        store.invalidate(photo)


def _watched(run: Run, render: Callable[[RenderControl], T], unit: str = "frames") -> T:
    """Render with the job's progress and cancellation.

    Raises
    ------
    JobStopped
        As soon as the attempt is to end.
    StorageFull
        If all jobs together take more of the scratch folder than they may.
    """
    stops: list[JobStopped | StorageFull] = []
    looked = time.monotonic()

    def asked_to_stop() -> bool:
        nonlocal looked
        try:
            run.check()
            if time.monotonic() - looked >= _LOOK_EVERY_S:
                run.parts.scratch.check()
                looked = time.monotonic()
        except (JobStopped, StorageFull) as stop:
            stops.append(stop)
        return bool(stops)

    def progress(done: int, total: int) -> None:
        try:
            run.report_progress(done, max(total, 1), unit)
        except JobStopped as stop:
            stops.append(stop)

    try:
        return render(RenderControl(progress, asked_to_stop))
    except RenderCancelled:
        if stops:
            raise stops[0] from None
        raise
