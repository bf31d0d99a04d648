"""The main job on a folder of photos: `python -m stack demo --photos FOLDER`.

As a backend does it: the photos are put into the storage and posted as one job, the studio calls
back when it is done, and the job has a page for people.
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

from serving.db.engine import open_engine
from serving.errors import BadInput
from serving.jobs.api_keys import create_key
from serving.settings import Settings
from serving.storage.objects import Storage, storage_of
from stack.callbacks import callback_environment
from stack.processes import Stack, StackFailed, free_port
from stack.programs import (
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
_ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Done:
    """What the backend heard of the job, and where the job's page was kept."""

    results: list[dict[str, Any]]
    page: Path


def run(photos: Path, out: Path) -> int:
    """Classify every photo below `photos` through the whole studio; return the exit code."""
    try:
        files = find_photos(photos)
        ports, backend_port = Ports(gateway_port=free_port()), free_port()
        backend_url = f"http://127.0.0.1:{backend_port}"
        settings = Settings(studio_home=out / "studio", backend_url=backend_url)
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
                wait_for_model(client)
                keys = store(files, storage_of(settings))
                done = classify(client, backend_url, keys, photos.resolve().name, out)
    except (StackFailed, BadInput) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report = write_report(out / "report.html", photos, files, done.results)
    tell(done, report)
    return 0


def find_photos(folder: Path) -> list[Path]:
    """Return the photos below `folder`; BadInput if there is none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)
    if not files:
        raise BadInput(f"there is no photo in '{folder}' ({', '.join(sorted(_KINDS))})")
    return files


def wait_for_model(client: httpx.Client) -> None:
    """Wait until the starter model has been registered, judged and published."""

    def published() -> dict[str, Any] | None:
        models = client.get("/internal/status").json().get("models", [])
        return models[0] if models else None

    model = wait_for(published, "no model was published; see the publisher's log", wait_s=120)
    print(f"model        {model['task']} version {model['version']}")


def store(files: Sequence[Path], storage: Storage) -> list[str]:
    """Put photos into the storage, as a backend does when they are uploaded; return their keys."""
    keys = []
    for number, file in enumerate(files):
        name = file.name.encode(errors="replace").decode()
        keys.append(f"listings/demo/{number:04d}-{name}")
        storage.write(keys[-1], file.read_bytes())
    return keys


def classify(
    client: httpx.Client, backend_url: str, keys: Sequence[str], listing: str, out: Path
) -> Done:
    """Post the photos as one job, follow it, wait for its callback and keep its page.

    Raises
    ------
    StackFailed
        The job failed, or the backend heard nothing.
    """
    answer = client.post(
        "/internal/photos/classify",
        json={"photos": list(keys), "async": True, "listing_id": listing[:200]},
        # whatever becomes of the answer: the same key again is the same job
        headers={"Idempotency-Key": f"demo-{uuid4()}"},
    )
    if answer.is_client_error:
        raise BadInput(answer.json()["detail"])
    accepted = answer.raise_for_status().json()
    page = f"{client.base_url}{client.get(accepted['url']).json()['page_link']}"
    print(f"job          {accepted['job_id']}\npage         {page}")
    follow(client, accepted["url"], len(keys))
    heard = wait_for_callback(backend_url, accepted["job_id"])
    print(f"callback     {heard['deliveries'][-1]['event']}, signature verified by the backend")
    if heard["status"] != "completed":
        raise StackFailed(f"the job {heard['status']}: {heard['error']['detail']}")
    # the page says of the callback what the worker writes down after the backend's answer
    wait_for(lambda: 'data-live=""' in client.get(page).text, "the page does not settle")
    return Done(heard["result"]["results"], save_page(client, page, out / "job.html"))


def follow(client: httpx.Client, url: str, count: int) -> None:
    """Show how far the job is, until it has ended."""
    with tqdm(total=count, desc="classify", unit="photo") as shown:
        while True:
            job = client.get(url).json()
            done = (job["progress"] or {"done": 0})["done"]
            shown.update(done - shown.n)
            if job["status"] in _ENDED:
                return
            time.sleep(0.2)


def wait_for_callback(backend_url: str, job_id: str) -> dict[str, Any]:
    """Return what the backend knows of the job once it has heard of its end."""

    def heard() -> dict[str, Any] | None:
        answer = httpx.get(f"{backend_url}/jobs/{job_id}", timeout=10)
        known: dict[str, Any] | None = answer.json() if answer.is_success else None
        return known if known and known["status"] in _ENDED else None

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


def tell(done: Done, report: Path) -> None:
    """Print what came out, and where to look."""
    good = [result for result in done.results if "error" not in result]
    unsure = sum(not result["confident"] for result in good)
    print(f"\n{len(good)} photos classified, {unsure} of them for a person to look at,", end=" ")
    print(f"{len(done.results) - len(good)} could not be read.")
    print(f"Look at {report}\nand at the job's page, {done.page}")
