"""Memory and processor time of 80-megapixel files of every kind, one alone and 16 at once.

Each is decoded as the gateway does it (at the classifier's size) and whole, as a film does. Then 16
of them, of all kinds, at once: as a gateway, which waits some seconds and then refuses, and as a
worker, which waits. Memory is the proportional set size of this process and those below it.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import psutil
from figures import Figures, parse
from PIL import Image as Pillow
from pillow_heif import register_heif_opener

from serving.budget import DECODING, set_budgets
from serving.errors import Busy, StudioError, TooLarge
from serving.image import decode, read_header

MEMORY = 2 * 2**30
SIDE = 224
AT_ONCE = 16
MAX_PIXELS = 200_000_000


def main() -> None:
    """Run the command line."""
    arguments = parse(__doc__)
    figures = Figures()
    register_heif_opener()
    set_budgets(MEMORY, None)
    files = dict(make_files(4_000_000 if arguments.quick else 80_000_000))
    decode(next(iter(files.values())), MAX_PIXELS, SIDE)
    figures.say(f"{'file':<14}{'side':>6}{'MB':>8}{'foreseen':>10}{'CPU-ms':>9}")
    most = 0.0
    for name, data in files.items():
        for side in (SIDE, 0):
            foreseen = read_header(data).cost(side) / 2**20
            peak, cpu = measure(partial(decode, data, MAX_PIXELS, side))
            figures.say(f"{name:<14}{side:>6}{peak:>8.0f}{foreseen:>10.0f}{cpu * 1e3:>9.0f}")
            most = max(most, peak)
            if side:
                figures.add(f"decode_cost.{name}_mb", peak)
                figures.add(f"decode_cost.{name}_cpu_ms", cpu * 1e3)
    figures.add("decode_cost.most_mb", most)
    for role, wait_s in (("gateway", 5.0), ("worker", None)):
        set_budgets(MEMORY, wait_s)
        answers = {"read": 0, "busy": 0, "too_large": 0, "failed": 0}
        peak, cpu = measure(partial(many, list(files.values()), answers))
        figures.say(f"{AT_ONCE} at once as a {role}: {answers}, {peak:.0f} MB, {cpu:.1f} CPU-s")
        figures.add(f"decode_cost.{role}_peak_mb", peak)
        figures.add(f"decode_cost.{role}_failed", answers["failed"])
        figures.add(f"decode_cost.{role}_busy", answers["busy"])
    figures.add("decode_cost.budget_mb", DECODING.limit / 2**20)
    figures.print()


def make_files(pixels: int) -> Iterator[tuple[str, bytes]]:
    """Give a file of every kind: soft colours, as a wall has them."""
    width = round((pixels * 4 / 3) ** 0.5)
    coarse = np.random.default_rng(0).integers(0, 256, (75, 100, 3), np.uint8)
    soft = cv2.resize(coarse, (width, width * 3 // 4), interpolation=cv2.INTER_CUBIC)
    photo = Pillow.fromarray(soft)
    flat = Pillow.new("RGBA", photo.size, (10, 120, 200, 128))
    yield "jpeg", save(photo, "JPEG", quality=80)
    yield "progressive", save(photo, "JPEG", quality=80, progressive=True)
    yield "cmyk", save(photo.convert("CMYK"), "JPEG", quality=60)
    yield "png", save(photo, "PNG", compress_level=1)
    yield "png_alpha", save(flat, "PNG", compress_level=1)
    yield "webp", save(photo, "WEBP", quality=60, method=0)
    yield "webp_alpha", save(flat, "WEBP", lossless=True, quality=0, method=0)
    yield "gif", save(Pillow.new("P", photo.size, 3), "GIF")
    yield "tiff", save(photo, "TIFF", compression="jpeg")
    yield "avif", save(photo, "AVIF", quality=40, speed=10)
    if pixels < 10_000_000:  # x265 takes minutes for 80 megapixels
        yield "heic", save(photo, "HEIF", quality=40)


def save(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def many(files: list[bytes], answers: dict[str, int]) -> None:
    """Decode 16 files at once; count what came of each."""
    lock = threading.Lock()

    def one(number: int) -> None:
        try:
            decode(files[number % len(files)], MAX_PIXELS, SIDE)
            end = "read"
        except Busy:
            end = "busy"
        except TooLarge:
            end = "too_large"
        except StudioError:
            end = "failed"
        with lock:
            answers[end] += 1

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, range(AT_ONCE)))


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """Return the greatest growth of memory in MB and the processor time in s."""
    here = psutil.Process()
    before, peak, ended = resident(here), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            peak = max(peak, resident(here) - before)

    watcher = threading.Thread(target=watch)
    started = spent(here)
    watcher.start()
    work()
    taken = spent(here) - started
    ended.set()
    watcher.join()
    return peak / 2**20, taken


def resident(process: psutil.Process) -> int:
    """Return the memory of a process and its children, what they share counted once."""
    return sum(one.memory_full_info().pss for one in (process, *process.children()))


def spent(process: psutil.Process) -> float:
    """Return the processor time of a process and its children."""
    time.sleep(0.05)
    times = [one.cpu_times() for one in (process, *process.children())]
    return float(sum(one.user + one.system for one in times))


if __name__ == "__main__":
    main()
