"""What storage and downloads do on bad days, and what their checks cost.

An S3 (moto, over a socket) at the end of a way on which a third of all requests fail, hang, are cut
or altered; a disk of 4 MB that is written to until it is full, again and again; every way to write
an inner address, with a site listening there. The costs are CPU of the calling thread, as ratios to
plain boto3 and plain files in the same run.
"""

import hashlib
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import boto3
import httpx
from figures import Figures, parse
from moto.server import ThreadedMotoServer

from serving.errors import Corrupted, StorageFull, StorageUnavailable, StudioError
from serving.storage.fetch import FetchRules, fetch
from serving.storage.objects import FolderStorage
from serving.storage.s3 import S3Storage
from serving.storage.s3_options import S3Options

sys.path.append(str(Path(__file__).parents[1]))  # the bad way and the site are the tests'
from tests.serving.storage.faults import Faults, bad_way
from tests.serving.storage.sites import INNER, run_site

BUCKET = "photos"
THREADS = 8
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def main() -> None:
    """Run the command line."""
    quick = parse(__doc__).quick
    figures = Figures()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ.update(KEYS, AWS_DEFAULT_REGION="us-east-1")
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    measure_s3(figures, url, 60 if quick else 600)
    measure_cost(figures, 30 if quick else 200)
    server.stop()
    measure_full_disk(figures, 200 if quick else 3000)
    measure_inner_addresses(figures)
    figures.print()


def measure_s3(figures: Figures, url: str, count: int) -> None:
    """Write and read back objects of 1 byte to 10 MB while a third of all requests fail."""
    figures.say(f"{count} objects, {THREADS} at once, 30 % of requests fail")
    faults, failed = Faults(hang_s=1.2), Counter[str]()
    faults.at_random(0.3)
    with bad_way(url, faults) as way:
        os.environ["AWS_ENDPOINT_URL"] = way
        options = S3Options(read_timeout_s=1, multipart_bytes=2**20)
        storage = S3Storage(BUCKET, "bad", options)

        def there_and_back(number: int) -> bool:
            data = _content(number)
            _until_it_works(lambda: storage.write(f"{number}.bin", data), failed)
            read = _until_it_works(lambda: storage.read(f"{number}.bin"), failed)
            return read == data

        with ThreadPoolExecutor(THREADS) as pool:
            right = list(pool.map(there_and_back, range(count)))
    os.environ["AWS_ENDPOINT_URL"] = url
    client, kept = boto3.client("s3"), Counter[str]()
    for number in range(count):
        try:
            body = client.get_object(Bucket=BUCKET, Key=f"bad/{number}.bin")["Body"].read()
            kept["right" if body == _content(number) else "altered"] += 1
        except client.exceptions.NoSuchKey:
            kept["lost"] += 1
    for name, times in sorted(faults.done.items()):
        figures.say(f"  {name}: {times}")
    figures.add("s3.objects", count)
    figures.add("s3.faults", sum(faults.done.values()))
    figures.add("s3.errors_to_callers", sum(failed.values()))
    figures.add("s3.read_altered", right.count(False))
    figures.add("s3.stored_altered", kept["altered"])
    figures.add("s3.lost", kept["lost"])


def _content(number: int) -> bytes:
    rng = random.Random(number)
    size = int(10 ** rng.uniform(0, 6.3)) if number % 20 else 10**7
    return hashlib.sha256(str(number).encode()).digest() * (size // 32 + 1)


def _until_it_works(action: Callable[[], bytes | None], failed: Counter[str]) -> bytes | None:
    """Do as the job worker does: again, while the error is a passing one."""
    while True:
        try:
            return action()
        except (StorageUnavailable, Corrupted) as error:
            failed[type(error).__name__] += 1


def measure_cost(figures: Figures, count: int) -> None:
    """Compare with what does no checks of its own: a photo of 300 KB there and back."""
    photo, client, storage = os.urandom(300_000), boto3.client("s3"), S3Storage(BUCKET)
    figures.say(f"a photo of 300 KB there and back {count} times")

    def plain() -> None:
        client.put_object(Bucket=BUCKET, Key="a.jpg", Body=photo)
        client.get_object(Bucket=BUCKET, Key="a.jpg")["Body"].read()

    def ours() -> None:
        storage.write("a.jpg", photo)
        storage.read("a.jpg")

    figures.add("s3.cpu_over_boto3", _cpu_s(ours, count) / _cpu_s(plain, count))
    with tempfile.TemporaryDirectory() as name:
        folder = FolderStorage(Path(name))
        folder.write("a.jpg", photo)
        ours_s = _cpu_s(lambda: folder.read("a.jpg"), 10 * count)
        plain_s = _cpu_s((Path(name) / "a.jpg").read_bytes, 10 * count)
        figures.add("folder.read_ms", ours_s * 1000)
        figures.add("folder.read_plain_ms", plain_s * 1000)


def _cpu_s(action: Callable[[], object], count: int) -> float:
    """Return the CPU of this thread per call."""
    action()
    start = time.thread_time()
    for _ in range(count):
        action()
    return (time.thread_time() - start) / count


def measure_full_disk(figures: Figures, count: int) -> None:
    """Write to a disk of 4 MB that is mostly full; afterwards each object must be whole."""
    with tempfile.TemporaryDirectory() as name:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", name]
        if subprocess.run(mounting, check=False, capture_output=True).returncode:
            figures.say("full disk: left out, mounting a small one needs root")
            return
        try:
            _fill(figures, Path(name), count)
        finally:
            subprocess.run(["umount", name], check=True)


def _fill(figures: Figures, disk: Path, count: int) -> None:
    storage, rng = FolderStorage(disk), random.Random(0)
    written: dict[str, str] = {}
    outcomes = Counter[str]()
    for number in range(count):
        key = f"{rng.randrange(20)}/{rng.randrange(3)}.bin"
        data = number.to_bytes(4, "big") * rng.randrange(1, 250_000)
        try:
            storage.write(key, data)
            written[key] = hashlib.sha256(data).hexdigest()
            outcomes["stored"] += 1
        except StorageFull:
            outcomes["full"] += 1
            if rng.random() < 0.3:
                storage.delete(key)
                written.pop(key, None)
        except StudioError:
            outcomes["other"] += 1
    keys = list(storage.keys())
    found = {key: hashlib.sha256(storage.read(key)).hexdigest() for key in keys}
    figures.add("full_disk.writes", count)
    figures.add("full_disk.refused", outcomes["full"])
    figures.add("full_disk.unclear_errors", outcomes["other"])
    wrong = [key for key in found.keys() | written.keys() if found.get(key) != written.get(key)]
    figures.add("full_disk.half_written_or_lost", len(wrong))
    figures.add("full_disk.leftovers", len(list(disk.rglob(".writing-*"))))


def measure_inner_addresses(figures: Figures) -> None:
    """Ask for every way to write an inner address where a site listens; plain httpx beside it."""
    with run_site() as site:
        refused = plain = 0
        for url in INNER:
            host, _, path = url.removeprefix("http://").partition("/")
            here = f"http://{host}:{site.port}/{path or 'photo'}"
            with suppress(httpx.HTTPError, httpx.InvalidURL):
                httpx.get(here, timeout=0.3, trust_env=False)
            plain, seen = len(site.seen), len(site.seen)
            try:
                fetch(here, FetchRules((f"{host}:{site.port}",), timeout_s=2))
            except StudioError as error:
                refused += type(error).__name__ == "UrlRefused" and len(site.seen) == seen
    figures.add("ssrf.urls", len(INNER))
    figures.add("ssrf.refused", refused)
    figures.add("ssrf.reached_by_plain_httpx", plain)


if __name__ == "__main__":
    main()
