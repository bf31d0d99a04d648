"""Do scores of quality follow what was done to a photo? Beside BRISQUE, on the same pictures.

Photos: the frozen test set, no listing of which was learned from, and another source, Places, of
which nothing was ever looked at. Degradations: those of training at steps of their own, and those
of other programs (`other_degradations.py`) that the model never met.

`spearman` is that of severity and the score of the part that should fall, over all photos at once,
originals among them; `whole` that of the score of the whole; `pairs` the share of originals that
score higher than what was made of them; BRISQUE's likewise, falling for rising.

Needs STUDIO_DATA; BRISQUE's weights from `--brisque`, a folder with `svm.txt` of the package.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from brisque import Brisque
from figures import Figures, parse
from other_degradations import OTHERS

from serving.image import Image, PhotoFile
from serving.photos.quality.features import measure
from serving.photos.quality.parts import PARTS, Part
from training.data.settings import DataSettings
from training.loop.loaders import read_image
from training.photo_quality.samples import Sample
from training.photo_quality.trials import (
    ORIGINAL,
    PART_OF,
    STEPS,
    Scorer,
    Trial,
    rank_figures,
    tilt_errors,
)

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "datasets/photo_quality/frozen_test.csv"
Worsen = Callable[[Image, int], Iterator[tuple[str, float, Image]]]
STARTER = ROOT / "registry/starter/photo-quality/model.onnx"


@dataclass(frozen=True)
class Judged:
    """Trials of the model, and the same of BRISQUE: its score as if it were each part's."""

    ours: list[Trial]
    theirs: list[Trial]


def frozen_photos(data: Path, count: int) -> list[str]:
    """Return photos of the frozen test set, the large ones first, then spread over listings."""
    table = pd.read_csv(FROZEN, dtype=str)
    paths = [
        data / "listings" / listing.split("/")[1] / f"{label}.jpg"
        if source == "listings"
        else data / "rooms/houses" / label / f"{listing.split('/')[1]}.jpg"
        for source, label, listing in zip(
            table["source"], table["label"], table["listing"], strict=True
        )
    ]
    large = [path for path in paths if path.parts[-3] == "listings"]
    small = [path for path in paths if path.parts[-3] != "listings"]
    half = min(len(large), count // 2)
    step = max(1, len(small) // max(1, count - half))
    return [path.as_uri() for path in (*large[:half], *small[::step][: count - half])]


def other_photos(data: Path, count: int) -> list[str]:
    """Return photos of Places, spread over its rooms."""
    paths = sorted((data / "rooms/places").glob("*/*.jpg"))
    return [path.as_uri() for path in paths[:: len(paths) // count][:count]]


def ours(photo: Image, number: int) -> Iterator[tuple[str, float, Image]]:
    """Give what training's own ways make of a photo: kind, severity, picture."""
    for place, kind in enumerate(PART_OF):
        for step, severity in enumerate(STEPS):
            sample = Sample(photo)
            sample.apply(kind, severity, np.random.default_rng((number, place, step)))
            yield kind, severity, sample.photo


def others(photo: Image, number: int) -> Iterator[tuple[str, float, Image]]:
    """Give what other programs make of a photo."""
    for place, (kind, way) in enumerate(OTHERS.items()):
        for step, amount in enumerate(way.amounts):
            rng = np.random.default_rng((number, place, step))
            made = np.ascontiguousarray(way.apply(photo, amount, rng))
            yield kind, (step + 1) / len(way.amounts), made


def judge(uris: Sequence[str], worsen: Worsen, scorer: Scorer, brisque: Brisque | None) -> Judged:
    """Try each photo, and what is made of it."""
    judged = Judged([], [])
    for number, uri in enumerate(uris):
        photo = read_image(uri)
        made = ((ORIGINAL, 0.0, photo), *worsen(photo, number))
        for kind, severity, picture in made:
            judged.ours.append(Trial(number, kind, severity, *scorer.score(picture)))
            if brisque is not None:
                score = -brisque.score(picture)
                parts: dict[Part, float] = dict.fromkeys(PARTS, score)
                judged.theirs.append(Trial(number, kind, severity, score, parts))
    return judged


def show(figures: Figures, name: str, judged: Judged, part_of: Mapping[str, Part]) -> None:
    """Print one table: a line for each kind, ours beside BRISQUE's."""
    found = rank_figures(judged.ours, part_of)
    theirs = rank_figures(judged.theirs, part_of) if judged.theirs else {}
    photos = sum(trial.kind == ORIGINAL for trial in judged.ours)
    figures.say(f"\n{name}: {photos} photos, {len(judged.ours):,} pictures")
    figures.say(f"  {'':<28}spearman   whole   pairs   BRISQUE  pairs")
    for kind in part_of:
        line = [found[f"{kind}/{what}"] for what in ("spearman", "spearman_whole", "pairs")]
        line += [theirs.get(f"{kind}/{what}", np.nan) for what in ("spearman", "pairs")]
        figures.say(f"  {kind:<28}" + "".join(f"{value:8.3f}" for value in line))
    for what in ("spearman", "spearman_whole", "pairs"):
        figures.add(f"{name}.{what}", found[what])
    figures.add(f"{name}.worst_spearman", min(found[f"{kind}/spearman"] for kind in part_of))
    if theirs:
        figures.add(f"{name}.brisque_spearman", theirs["spearman"])
        figures.add(f"{name}.brisque_pairs", theirs["pairs"])


def show_cost(figures: Figures, uri: str) -> None:
    """Print CPU-ms of a photo of 1600x1200: its decode, and what is measured."""
    large = np.asarray(cv2.resize(read_image(uri), (1600, 1200)), np.uint8)
    _, file = cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    data = file.tobytes()
    least = {"decode": np.inf, "measure": np.inf}
    for _ in range(20):
        started = time.process_time()
        pixels = PhotoFile(data, 10**8).pixels(1200)
        decoded = time.process_time()
        measure(pixels)
        least["decode"] = min(least["decode"], decoded - started)
        least["measure"] = min(least["measure"], time.process_time() - decoded)
    for name, seconds in least.items():
        figures.add(f"cost.{name}_cpu_ms", seconds * 1e3)


def main() -> None:
    """Judge, and print tables and figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=STARTER, help="ONNX (the starter)")
    parser.add_argument("--photos", type=int, default=12, help="of each source (12)")
    parser.add_argument("--brisque", type=Path, help="folder of BRISQUE's weights")
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    data = DataSettings().studio_data
    if data is None:
        raise SystemExit("set STUDIO_DATA to the folder of photos")
    count = 4 if given.quick else given.photos
    figures, scorer = Figures(), Scorer(given.model.read_bytes())
    brisque = Brisque(given.brisque) if given.brisque else None
    theirs = {kind: PARTS[PARTS.index(way.part)] for kind, way in OTHERS.items()}
    frozen, places = frozen_photos(Path(data), count), other_photos(Path(data), count)
    for source, uris in (("frozen", frozen), ("places", places)):
        show(figures, f"{source}.ours", judge(uris, ours, scorer, brisque), PART_OF)
        show(figures, f"{source}.others", judge(uris, others, scorer, brisque), theirs)
    for source, uris in (("frozen", frozen), ("places", places)):
        errors = tilt_errors([read_image(uri) for uri in uris])
        figures.say(f"\ntilt, {source}: {len(errors)} turned photos of {6 * len(uris)}")
        if not len(errors):  # of thumbnails nothing is said
            continue
        figures.add(f"{source}.tilt_median_error_deg", float(np.median(errors)))
        figures.add(f"{source}.tilt_p90_error_deg", float(np.percentile(errors, 90)))
    show_cost(figures, frozen[0])
    figures.print()


if __name__ == "__main__":
    main()
