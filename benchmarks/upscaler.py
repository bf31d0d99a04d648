"""Photos made half as large and enlarged again: by the starter, by kernels, by networks of others.

Photos: of the frozen test set that the gates use; the large ones first, their middle. Each is made
half as large in four ways, two of them through a JPEG after. PSNR and SSIM say how near the photo
each comes; CPU-ms are of one thread for a megapixel that goes in, with what serving does around the
model (tiles, and their pictures without loss). Memory is what a whole process held at most while it
enlarged photos of 1 and of 8 megapixels to twice their sides, beyond what it held before.

    STUDIO_DATA=FOLDER python benchmarks/upscaler.py --models FOLDER
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from figures import Figures, parse

from serving.card import ArrayInput, ArraySpec, ModelCard, Picture
from serving.image import Image
from serving.models.local import Loaded, load_baked
from serving.models.session import OnnxSession
from serving.models.upscaling import HeldUpscaler
from serving.perception.tiles import Tiling, by_tiles
from serving.perception.upscale import UPSCALER, Tile, scale_of, upscale
from serving.task import is_batched
from training.data.settings import DataSettings
from training.loop.fidelity import psnr, ssim
from training.loop.loaders import read_image
from training.upscaler.evaluation import KERNELS, TRIALS, Enlarge, middle
from training.upscaler.outside import EDSR, Contract
from training.upscaler.samples import shrink

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "datasets/photo_quality/frozen_test.csv"
STARTERS = ROOT / "registry/starter"
# what else is compared, where it lies in the folder of models
_SPAN = Contract(
    "span-x2-48",
    ArrayInput(arrays=(ArraySpec(name="input", dtype="float32", shape=("n", 3, "h", "w")),)),
    scale=2,
    reach=24,
)
_PEERS = {"EDSR": ("edsr_x2_540x960.onnx", EDSR), "SPAN": ("span_x2_ch48.onnx", _SPAN)}
Scores = dict[str, dict[str, list[tuple[float, float]]]]


def frozen_photos(data: Path, count: int) -> Iterator[Image]:
    """Yield photos of the frozen test set: all large ones, then small ones spread over listings."""
    table = pd.read_csv(FROZEN, dtype=str).sort_values("sha256")
    large = table[table["source"] == "listings"]
    small = table[table["source"] != "listings"]
    for source, label, listing in (
        pd.concat([large, small])[["source", "label", "listing"]]
        .head(count)
        .itertuples(index=False)
    ):
        number = listing.split("/")[1]
        path = (
            data / "listings" / number / f"{label}.jpg"
            if source == "listings"
            else data / "rooms/houses" / label / f"{number}.jpg"
        )
        yield middle(read_image(path.absolute().as_uri()))


def peers(models: Path | None) -> dict[str, HeldUpscaler]:
    """Return the networks of others that lie in a folder."""
    if models is None:
        return {}
    there = {name: (models / file, stated) for name, (file, stated) in _PEERS.items()}
    return {name: held(f, stated) for name, (f, stated) in there.items() if f.is_file()}


def held(file: Path, stated: Contract) -> HeldUpscaler:
    """Open a network behind the card that its contract makes."""
    model, taken = file.read_bytes(), stated.taken
    session = OnnxSession(model)
    first = session._session.get_inputs()[0].name
    spec = taken.arrays[0].model_copy(update={"name": first})
    card = ModelCard(
        task=UPSCALER.name,
        input=ArrayInput(arrays=(spec,)),
        output=Picture(scale=stated.scale),
        parameters={"reach": float(stated.reach)},
        licence="-",
        backbone=stated.name,
        precision="fp32",
        data_version="-",
    )
    hashes = sha256(model).hexdigest(), ""
    batched = is_batched(card)
    return HeldUpscaler(Loaded(card, "1", "champion", *hashes, session=session, batched=batched))


def enlarger(model: HeldUpscaler) -> Enlarge:
    """Return what enlarges to twice the sides."""
    return lambda small: upscale(small, 2, model)


def compare(photos: list[Image], ways: dict[str, Enlarge], figures: Figures) -> None:
    """Print PSNR and SSIM by way of shrinking and by who enlarged, and CPU-ms a megapixel."""
    scores: Scores = {name: {trial: [] for trial in TRIALS} for name in ways}
    seconds, pixels = dict.fromkeys(ways, 0.0), 0
    for photo in photos:
        for trial, (kernel, quality) in TRIALS.items():
            small = shrink(photo, kernel, quality)
            pixels += small.shape[0] * small.shape[1]
            for name, enlarge in ways.items():
                started = time.process_time()
                made = enlarge(small)
                seconds[name] += time.process_time() - started
                scores[name][trial].append((psnr(made, photo), ssim(made, photo)))
    figures.say(f"\n{len(photos)} photos; PSNR in dB, SSIM")
    figures.say(f"  {'':<10}" + "".join(f"{trial:>16}" for trial in TRIALS))
    for name, of_trial in scores.items():
        means = [np.mean(some, axis=0) for some in of_trial.values()]
        figures.say(f"  {name:<10}" + "".join(f"{p:10.2f} {s:.3f}" for p, s in means))
        figures.add(f"upscaler.{name}_psnr", float(np.mean([p for p, _ in means])))
        figures.add(f"upscaler.{name}_ssim", float(np.mean([s for _, s in means])))
        figures.add(f"upscaler.{name}_cpu_ms_per_mp", 1e9 * seconds[name] / pixels)


def seams(model: HeldUpscaler, photo: Image) -> tuple[int, float]:
    """Return the largest difference in levels of tiles from the whole photo, and how many differ.

    The whole photo is given with its edges repeated, as tiles at its edges are.
    """
    reach = int(np.max(model.card.parameters["reach"]))
    whole = by_tiles(
        photo, scale_of(model.card), Tiling(4096, 4096, reach),
        lambda tiles: model([Tile(tile) for tile in tiles]),
    )  # fmt: skip
    apart = np.abs(upscale(photo, 2, model).astype(np.int64) - whole)
    return int(apart.max()), float((apart > 0).mean())


def memory(megapixels: int) -> float:
    """Return the MB beyond photo and result that a process held which enlarged such a photo."""
    code = f"from upscaler import hold_most; hold_most({megapixels})"
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT / "benchmarks"
    )
    return float(json.loads(run.stdout))


def hold_most(megapixels: int) -> None:
    """Enlarge a photo, and print how many MB were held at most beyond it and the result."""
    model = open_starter()
    upscale(np.zeros((64, 64, 3), np.uint8), 2, model)
    height = 500 * megapixels
    photo = np.random.default_rng(0).integers(0, 256, (height, 2000, 3), np.uint8)
    Path("/proc/self/clear_refs").write_text("5")  # the most that was held begins anew
    before = resident_kb("VmRSS")
    made = upscale(photo, 2, model)
    print(json.dumps((resident_kb("VmHWM") - before) / 1024 - made.nbytes / 2**20))


def resident_kb(what: str) -> int:
    """Return the memory of this process as the kernel counts it, now or at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def open_starter() -> HeldUpscaler:
    """Return the upscaler that is shipped."""
    return HeldUpscaler(load_baked(STARTERS, tasks={UPSCALER.name: UPSCALER})[UPSCALER.name])


def main() -> None:
    """Compare, and print tables and figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, help="networks of others to compare with")
    parser.add_argument("--photos", type=int, default=24)
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    data = DataSettings().studio_data
    if data is None:
        raise SystemExit("set STUDIO_DATA to the folder of photos")
    figures, ours = Figures(), open_starter()
    photos = list(frozen_photos(Path(data), 4 if given.quick else given.photos))
    ways = dict(KERNELS) | {"ours": enlarger(ours)}
    ways |= {name: enlarger(model) for name, model in peers(given.models).items()}
    compare(photos, ways, figures)
    most, share = seams(ours, photos[0])
    figures.add("upscaler.seam_levels", most)
    figures.add("upscaler.seam_share", share)
    for megapixels in (1, 8):
        figures.add(f"upscaler.memory_mb_{megapixels}mp", memory(megapixels))
    figures.print()


if __name__ == "__main__":
    main()
