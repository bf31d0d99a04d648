"""CPU-ms per classified photo of the whole server tree, against a bare script on the same file.

Both ways of holding the model (inline, service) at concurrency 1, 8 and 32. Rounds of the bare
script and of the server take turns, and the ratio of their medians is what counts: machines are
noisy. The bare script names rooms, so the server holds no other model; what judging a photo's
quality beside its room costs is a figure of its own.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
from figures import Figures, parse
from load import Load, measure_load, tree_rss_mb
from servers import HEADERS, ROOT, gateway

STARTERS = ROOT / "registry" / "starter"
ROOMS = "room-classifier"
MODEL = STARTERS / ROOMS / "model.onnx"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path, default=ROOT / "datasets" / "sample_listing")
    parser.add_argument("--serving", nargs="+", default=["inline", "service"])
    arguments = parse(__doc__, parser)
    rounds, requests = (2, 60) if arguments.quick else (5, 300)
    figures = Figures()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        photos = make_photos(arguments.photos, home)
        bodies = [photo.read_bytes() for photo in photos]
        kilobytes = statistics.mean(map(len, bodies)) / 1e3
        figures.say(f"{len(photos)} photos of 1600x1200, {kilobytes:.0f} kB on average; ")
        figures.say(f"{rounds} rounds of {requests} requests each")
        shutil.copytree(STARTERS / ROOMS, home / "models" / ROOMS)
        # the same photos come again
        settings = {"ANSWERS_KEPT": "0", "BAKED_MODELS": str(home / "models")}
        for serving in arguments.serving:
            with gateway(home, serving, **settings) as server:
                figures.add(f"{serving}.start_s", server.start_s)
                url = f"{server.url}/internal/photos/classify"
                measure_load(url, server.pid, bodies, HEADERS, 8, 40)
                for concurrency in (1, 8, 32):
                    bare: list[float] = []
                    loads: list[Load] = []
                    for _ in range(rounds):
                        bare.append(run_bare(photos, min(2, concurrency), requests))
                        loads.append(
                            measure_load(url, server.pid, bodies, HEADERS, concurrency, requests)
                        )
                    report(figures, f"{serving}.c{concurrency}", bare, loads)
                for process, megabytes in tree_rss_mb(server.pid).items():
                    figures.say(f"{serving}: {process} {megabytes:.0f} MB")
                figures.add(f"{serving}.rss_mb", sum(tree_rss_mb(server.pid).values()))
        with gateway(home, "inline", ANSWERS_KEPT="0") as server:
            url = f"{server.url}/internal/photos/classify"
            measure_load(url, server.pid, bodies, HEADERS, 8, 40)
            both = [
                measure_load(url, server.pid, bodies, HEADERS, 8, requests) for _ in range(rounds)
            ]
            cpu_ms = statistics.median(load.cpu_ms for load in both)
            figures.add("inline.c8.with_quality_cpu_ms", cpu_ms)
    figures.print()


def make_photos(sources: Path, folder: Path) -> list[Path]:
    """Write the pictures in `sources` as 1600x1200 JPEGs of quality 90."""
    paths = []
    for source in sorted(sources.glob("*.jpg")):
        image = cv2.resize(cv2.imread(str(source)), (1600, 1200), interpolation=cv2.INTER_CUBIC)
        paths.append(folder / source.name)
        cv2.imwrite(str(paths[-1]), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths


def run_bare(photos: list[Path], threads: int, count: int) -> float:
    """Return the CPU-ms per photo of the bare script."""
    command = [
        sys.executable,
        str(Path(__file__).parent / "bare.py"),
        str(MODEL),
        *map(str, photos),
    ]
    command += ["--threads", str(threads), "--count", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report(figures: Figures, name: str, bare: list[float], loads: list[Load]) -> None:
    """Add one arm's figures."""
    limit, cpu = statistics.median(bare), statistics.median(load.cpu_ms for load in loads)
    figures.add(f"{name}.bare_cpu_ms", limit)
    figures.add(f"{name}.cpu_ms", cpu)
    figures.add(f"{name}.efficiency", limit / cpu)
    figures.add(f"{name}.per_second", statistics.median(load.per_second for load in loads))
    for percent in (50, 95, 99):
        middle = statistics.median(load.percentile_ms(percent) for load in loads)
        figures.add(f"{name}.p{percent}_ms", middle)
    figures.add(f"{name}.errors", sum(sum(load.failures.values()) for load in loads))


if __name__ == "__main__":
    main()
