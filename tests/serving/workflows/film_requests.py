"""Films that tests ask for: small photos, a song of clicks, three seconds without preview."""

import io
from pathlib import Path
from uuid import UUID

import numpy as np
import soundfile
from numpy.typing import NDArray

from serving.db.tables import Job, Json
from serving.storage.interface import Storage
from tests.fakes import encode
from tests.serving.video.pictures import texture
from tests.serving.workflows.harness import JobHarness

FORMAT = {"profile": "720p", "fps": 24}
RATE_HZ = 48_000
SONG = {"track": "song.wav"}


def photo(seed: int, height: int = 200, width: int = 300) -> bytes:
    return encode(texture(height, width, seed, sigma=3), "JPEG", quality=92)


def clicks(seconds: float, bpm: float = 120.0, level: float = 0.5, rate_hz: int = RATE_HZ) -> bytes:
    """A song of drum strokes over a tone, as a wav."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    since = times % (60 / bpm)
    strokes = np.exp(-since * 30) * np.sin(2 * np.pi * 180 * since)
    song = level * (strokes + 0.1 * np.sin(2 * np.pi * 440 * times))
    return wav(song.astype(np.float32), rate_hz)


def wav(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def ask(films: JobHarness, **changes: object) -> UUID:
    """Ask for a film of 3 s without preview."""
    wanted: Json = {
        "photos": with_photos("0.jpg", "1.jpg", "2.jpg"),
        "length_s": 3.0,
        "formats": [FORMAT],
        "preview": False,
    }
    return films.submit(**(wanted | {"template": "energetic", "order": "given"} | changes))


def render(films: JobHarness, **changes: object) -> Json:
    """Render it; return the job's result."""
    job = films.attempt(ask(films, **changes))
    assert job.status == "completed", job.error
    assert job.result is not None
    return job.result


def only(result: Json) -> Json:
    """The film of a result that has one."""
    (film,) = result["films"]
    assert isinstance(film, dict)
    return film


def with_photos(*names: str, **first: object) -> list[Json]:
    """Photos of a request; `first` is said of the first one."""
    photos: list[Json] = [{"photo": name, "room": "kitchen"} for name in names]
    photos[0] |= first
    return photos


def save(storage: Storage, film: Json, folder: Path) -> Path:
    path = folder / "film.mp4"
    storage.read_to(film["film"], path)
    return path


def nothing_is_left(films: JobHarness, folder: Path) -> bool:
    """No temporary file, and no film or half of one."""
    scratch = [path.name for path in (folder / "scratch").iterdir()]
    return scratch == [".turn"] and not list(films.parts.storage.keys("films/"))


def said(job: Job) -> Json:
    assert job.error is not None, job.status
    return dict(job.error)
