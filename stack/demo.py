"""The main job on a folder of photos: `python -m stack demo --photos FOLDER`."""

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from tqdm import tqdm

from serving.db.engine import open_engine
from serving.errors import BadInput
from serving.jobs.api_keys import create_key
from serving.settings import Settings
from serving.storage.objects import Storage, open_storage
from stack.processes import Stack, StackFailed, free_port
from stack.programs import Ports, environment, gateway, postgres, publisher
from stack.report import write_report

_KINDS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic"}
_AT_ONCE = 8


def run(photos: Path, out: Path) -> int:
    """Classify every photo below `photos` through the whole service; return the exit code."""
    try:
        files = find_photos(photos)
        settings = Settings(studio_home=out / "studio")
        ports = Ports(gateway_port=free_port())
        programs = [*postgres(settings), publisher(), gateway(ports)]
        stack = Stack(settings, programs, environment(settings))
        print(f"Starting the service for {len(files)} photos of {photos} (logs in {stack.logs})")
        with stack.running():
            url = f"http://127.0.0.1:{ports.gateway_port}"
            key = create_key(open_engine(settings), "demo")
            wait_for_model(url, key)
            results = classify(url, key, files, open_storage(settings.storage()))
    except (StackFailed, BadInput) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    page = write_report(out / "report.html", photos, files, results)
    tell(results, page)
    return 0


def find_photos(folder: Path) -> list[Path]:
    """Return the photos below `folder`; BadInput if there is none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)
    if not files:
        raise BadInput(f"there is no photo in '{folder}' ({', '.join(sorted(_KINDS))})")
    return files


def wait_for_model(url: str, key: str, wait_s: float = 120.0) -> None:
    """Wait until the starter model has been registered, judged and published."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        status = httpx.get(f"{url}/internal/status", headers={"X-API-Key": key}, timeout=10)
        models = status.json().get("models", [])
        if models:
            print(f"model        {models[0]['task']} version {models[0]['version']}")
            return
        time.sleep(0.3)
    raise StackFailed("no model was published; see the publisher's log")


def classify(url: str, key: str, files: Sequence[Path], storage: Storage) -> list[dict[str, Any]]:
    """Put photos into the storage and have them classified by key, as a backend does."""
    results: list[dict[str, Any]] = []
    with (
        httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=120) as client,
        tqdm(total=len(files), desc="classify", unit="photo") as progress,
    ):
        for number, batch in enumerate(batched(files, _AT_ONCE)):
            keys = []
            for place, file in enumerate(batch):
                keys.append(f"listings/demo/{number * _AT_ONCE + place:04d}{file.suffix.lower()}")
                storage.write(keys[-1], file.read_bytes())
            answer = client.post("/internal/photos/classify", json={"photos": keys})
            answer.raise_for_status()
            results += answer.json()["results"]
            progress.update(len(batch))
    return results


def batched(files: Sequence[Path], count: int) -> Iterator[list[Path]]:
    """Yield `files` in lists of at most `count`."""
    rest = iter(files)
    while batch := list(islice(rest, count)):
        yield batch


def tell(results: Sequence[dict[str, Any]], page: Path) -> None:
    """Print what came out, and where to look."""
    good = [result for result in results if "error" not in result]
    unsure = sum(not result["confident"] for result in good)
    print(f"\n{len(good)} photos classified, {unsure} of them for a person to look at,", end=" ")
    print(f"{len(results) - len(good)} could not be read.")
    print(f"Look at {page}")
