"""The main jobs on a folder of photos: `python -m stack demo --photos FOLDER`.

As a backend does it: the photos are put into the storage and posted as a job that says what they
show, then as one that makes a film of them, and as one that furnishes rooms; the studio calls back
when each is done, and each has a page for people. Rooms are furnished where a segmenter answers.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from tqdm import tqdm

from serving.access.api_keys import create_key
from serving.db.engine import open_engine
from serving.db.status import ENDED_JOB, JobStatus
from serving.environment import read
from serving.errors import BadInput
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of
from stack.callbacks import callback_environment
from stack.processes import Stack, StackFailed, free_port
from stack.programs import (
    ROOT,
    Ports,
    Workers,
    backend,
    environment,
    gateway,
    postgres,
    publisher,
    worker,
)
from stack.report import write_report
from stack.saved_page import save_page

T = TypeVar("T")

_KINDS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic"}
_CLIENT = "demo"
_STARTERS = ROOT / "registry" / "starter"
_MUSIC = ROOT / "datasets" / "sample_listing" / "music.flac"
_FILM_PHOTOS = 20
_SEGMENTER = "segmenter"
_STAGED = ("living_room", "bedroom", "dining_room", "office")
_STAGED_PHOTOS = 2


@dataclass(frozen=True)
class Done:
    """What the backend heard of a job, and its page as it was at the end.

    Attributes
    ----------
    page : address of the page; it opens to whoever has it
    """

    result: dict[str, Any]
    page: str


@dataclass(frozen=True)
class Caller:
    """A backend: it posts jobs, follows them, and waits until it is called back."""

    client: httpx.Client
    backend_url: str

    def do(self, path: str, work: dict[str, Any], what: str) -> Done:
        """Post a job and see it through.

        Raises
        ------
        BadInput
            The studio does not take it.
        StackFailed
            The job failed, or the backend heard nothing.
        """
        # whatever becomes of the answer: the same key again is the same job
        headers = {"Idempotency-Key": f"demo-{uuid4()}"}
        answer = self.client.post(path, json=work, headers=headers)
        if answer.is_client_error:
            raise BadInput(answer.json()["detail"])
        accepted = answer.raise_for_status().json()
        page = f"{self.client.base_url}{self.client.get(accepted['url']).json()['page_link']}"
        print(f"{what:<12} job {accepted['job_id']}\n{'':<12} {page}")
        follow(self.client, accepted["url"], what)
        heard = wait_for_callback(self.backend_url, accepted["job_id"])
        print(f"{'':<12} called back: {heard['deliveries'][-1]['event']}, signature verified")
        if heard["status"] != JobStatus.COMPLETED:
            raise StackFailed(f"the job {heard['status']}: {heard['error']['detail']}")
        # the page says of the callback what the worker writes down after the backend's answer
        wait_for(lambda: 'data-live=""' in self.client.get(page).text, "the page does not settle")
        # of a large result the callback brings the counts alone
        return Done(self.client.get(accepted["url"]).json()["result"], page)


def run(photos: Path, out: Path) -> int:
    """Classify every photo below `photos` through the whole studio; return the exit code."""
    try:
        files = find_photos(photos)
        ports, backend_port = Ports(gateway_port=free_port()), free_port()
        backend_url = f"http://127.0.0.1:{backend_port}"
        settings = read(Settings, studio_home=out / "studio", backend_url=backend_url)
        stack = Stack(
            settings,
            [
                *postgres(settings),
                publisher(),
                gateway(ports),
                *worker(Workers(workers=1)),
                backend(settings, backend_port),
            ],
            environment(settings) | callback_environment(settings),
        )
        print(f"Starting the studio for {len(files)} photos of {photos} (logs in {stack.logs})")
        with stack.running():
            studio = f"http://127.0.0.1:{ports.gateway_port}"
            key = create_key(open_engine(settings), _CLIENT)
            with httpx.Client(base_url=studio, headers={"X-API-Key": key}, timeout=60) as client:
                wait_for_models(client)
                storage = storage_of(settings)
                keys = store(files, storage)
                caller = Caller(client, backend_url)
                results = classify(caller, keys, photos.resolve().name, out)
                film = make_film(caller, keys, results, storage, out)
                staged = stage_rooms(caller, keys, results, storage, out)
    except (StackFailed, BadInput) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report = write_report(out / "report.html", photos, files, results)
    print_results(results, [report, out / "job.html", *([film] if film else []), *staged])
    return 0


def find_photos(folder: Path) -> list[Path]:
    """Return the photos below `folder`; BadInput if there is none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)
    if not files:
        raise BadInput(f"there is no photo in '{folder}' ({', '.join(sorted(_KINDS))})")
    return files


def wait_for_models(client: httpx.Client) -> None:
    """Wait until every starter model has been registered, judged and published."""
    shipped = {card.parent.name for card in _STARTERS.glob("*/card.json")}

    def published() -> list[dict[str, Any]] | None:
        models = client.get("/internal/status").json().get("models", [])
        return models if {model["task"] for model in models} >= shipped else None

    failed = "not every model was published; see the publisher's log"
    for model in wait_for(published, failed, wait_s=120):
        print(f"model        {model['task']} version {model['version']}")


def store(files: Sequence[Path], storage: Storage) -> list[str]:
    """Put photos into the storage, as a backend does when they are uploaded; return their keys."""
    keys = []
    for number, file in enumerate(files):
        name = file.name.encode(errors="replace").decode()
        keys.append(f"listings/demo/{number:04d}-{name}")
        storage.write(keys[-1], file.read_bytes())
    return keys


def classify(caller: Caller, keys: Sequence[str], listing: str, out: Path) -> list[dict[str, Any]]:
    """Have the photos classified as one job and keep its page; return what each shows."""
    work = {"photos": list(keys), "async": True, "listing_id": listing[:200]}
    done = caller.do("/internal/photos/classify", work, "classify")
    save_page(caller.client, done.page, out / "job.html")
    results: list[dict[str, Any]] = done.result["results"]
    return results


def make_film(
    caller: Caller,
    keys: Sequence[str],
    results: Sequence[dict[str, Any]],
    storage: Storage,
    out: Path,
) -> Path | None:
    """Have a film made of the photos that can be read; None if there is none."""
    rooms = {
        key: result["room_type"]
        for key, result in zip(keys, results, strict=True)
        if "error" not in result
    }
    if not rooms:
        return None
    storage.write(_MUSIC.name, _MUSIC.read_bytes())
    photos = [
        {"photo": key, "room": room, "caption": room.replace("_", " ").capitalize()}
        for key, room in list(rooms.items())[:_FILM_PHOTOS]
    ]
    work = {
        "photos": photos,
        "music": {"track": _MUSIC.name},
        "template": "modern",
        "formats": [{"profile": "720p"}],
        "words": {"headline": "For sale", "facts": f"{len(photos)} photos"},
    }
    done = caller.do("/internal/video/render", work, "film")
    path = out / "film.mp4"
    path.write_bytes(storage.read(done.result["films"][0]["film"]))
    return path.resolve()


def stage_rooms(
    caller: Caller,
    keys: Sequence[str],
    results: Sequence[dict[str, Any]],
    storage: Storage,
    out: Path,
) -> list[Path]:
    """Have the first rooms furnished, if a segmenter answers; return the page and the pictures."""
    models = caller.client.get("/internal/status").json().get("models", [])
    if not any(model["task"] == _SEGMENTER for model in models):
        print(f"{'stage':<12} left out: no {_SEGMENTER} is published")
        return []
    rooms = [
        {"photo": key, "room_type": result["room_type"]}
        for key, result in zip(keys, results, strict=True)
        if result.get("room_type") in _STAGED
    ]
    if not rooms:
        return []
    work = {"photos": rooms[:_STAGED_PHOTOS], "kit": "scandinavian"}
    done = caller.do("/internal/staging/process", work, "stage")
    save_page(caller.client, done.page, out / "staged.html")
    made = [variant for one in done.result["results"] for variant in one.get("variants", ())]
    paths = [(out / "staged.html").resolve()]
    for one in made:
        paths.append((out / one["staged"].rpartition("/")[2]).resolve())
        paths[-1].write_bytes(storage.read(one["staged"]))
    return paths


def follow(client: httpx.Client, url: str, what: str) -> None:
    """Show how far the job is, until it has ended."""
    shown = None
    with tqdm(desc=what, unit="") as bar:
        while True:
            job = client.get(url).json()
            progress = job["progress"]
            if progress and progress != shown:
                if shown is None or shown["unit"] != progress["unit"]:
                    bar.unit = f" {progress['unit']}"
                    bar.reset(progress["total"])
                bar.update(progress["done"] - bar.n)
                shown = progress
            if job["status"] in ENDED_JOB:
                return
            time.sleep(0.2)


def wait_for_callback(backend_url: str, job_id: str) -> dict[str, Any]:
    """Return what the backend knows of the job once it has heard of its end."""

    def heard() -> dict[str, Any] | None:
        answer = httpx.get(f"{backend_url}/jobs/{job_id}", timeout=10)
        known: dict[str, Any] | None = answer.json() if answer.is_success else None
        return known if known and known["status"] in ENDED_JOB else None

    return wait_for(heard, "the backend heard nothing; see the worker's and the backend's log")


def wait_for(look: Callable[[], T | None], otherwise: str, wait_s: float = 30.0) -> T:
    """Return what `look` finds, as soon as it finds something; StackFailed after `wait_s`."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise StackFailed(otherwise)


def print_results(results: Sequence[dict[str, Any]], made: Sequence[Path]) -> None:
    """Print what came out, and where to look."""
    good = [result for result in results if "error" not in result]
    unsure = sum(not result["confident"] for result in good)
    print(f"\n{len(good)} photos classified, {unsure} of them for a person to look at,", end=" ")
    print(f"{len(results) - len(good)} could not be read.")
    print("Look at " + "\n    and ".join(str(path.resolve()) for path in made))
