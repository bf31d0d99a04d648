"""How well are things found? Beside detectors that others trained, in one table.

`held_out`: photos of the frozen test set, against the boxes on which the two teachers of
`datasets/detection` agree. Those two are no strangers to that truth, which is made of what they
said themselves: they read too high. `rooms`: rendered rooms with true boxes, of the labels that all
know. `map50` is the mean average precision at half of the union; recall and precision are of
what is answered, each network from its own best confidence on the validation photos. `cost`: CPU-ms
of a photo of 1600x1200, decode and reading of the boxes included.

Needs STUDIO_DATA, and `photos.parquet` of `python -m training.data split`.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from figures import Figures, parse

from serving.card import Boxes, ModelCard
from serving.image import Image, PhotoFile
from serving.perception.detect import DetectAnswer
from training.candidate import Candidate, Provenance, Uncalibrated
from training.data.settings import DataSettings
from training.detector.agreement import Taught
from training.detector.coco import ONLY_RENDERED
from training.detector.dataset import open_detection, teachers_of
from training.detector.evaluation import LEAST_THINGS, DetectorEvaluation, Finder, judge_rows
from training.detector.outside import CONTRACTS
from training.detector.rooms import list_rooms, read_room
from training.detector.scores import Judged, judge, label_figures, mean_ap
from training.loop.loaders import read_source
from training.recipe import Rows

ROOT = Path(__file__).resolve().parents[1]
COLOURS = ((230, 60, 60), (60, 200, 60), (70, 110, 255), (230, 200, 40), (210, 80, 220))
TILE = (320, 426)


def take_in(named: str, rows: Rows) -> tuple[str, Candidate]:
    """Return a detector from outside, given as CONTRACT=FILE or NAME:CONTRACT=FILE, calibrated."""
    name, _, file = named.partition("=")
    contract = CONTRACTS[name.rpartition(":")[2]]
    nobody = Provenance("COCO", (), "Apache-2.0", "unknown")
    model = Path(file).read_bytes()
    exported = Uncalibrated(model, "fp32", contract.taken, contract.name, nobody)
    return name.partition(":")[0], DetectorEvaluation().calibrate(exported, rows)


def ours(folder: Path) -> Candidate:
    """Return the model of a folder with `model.onnx` and `card.json`."""
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    return Candidate((folder / "model.onnx").read_bytes(), card, float("nan"))


def show(figures: Figures, name: str, judged: list[Judged], sure: float) -> None:
    """Print `map50`, recall and precision of all, and average precision and recall of each."""
    figures.add(f"{name}.map50", mean_ap(judged, LEAST_THINGS))
    hits = [
        r for one in judged for r, c in zip(one.right, one.confidences, strict=True) if c >= sure
    ]
    there = sum(sum(one.there.values()) for one in judged)
    figures.add(f"{name}.recall", sum(hits) / max(there, 1))
    figures.add(f"{name}.precision", sum(hits) / max(len(hits), 1))
    for label, of_label in label_figures(judged, sure, LEAST_THINGS).items():
        figures.say(
            f"    {label:<14} ap50 {of_label['ap50']:.3f}  recall {of_label['recall']:.3f}"
            f"  precision {of_label['precision']:.3f}  of {of_label['things']:.0f}"
        )


def judge_rooms(candidate: Candidate, folder: Path, count: int) -> list[Judged]:
    """Return how rendered rooms came out, of labels that photos teach, too."""
    finder, judged = Finder(candidate.model, candidate.card, 0.02), []
    for room in list_rooms(folder)[:count]:
        truth = read_room(room)
        known = tuple(one for one in truth.agreed if one.label not in ONLY_RENDERED)
        photo = PhotoFile((room / "photo.png").read_bytes(), 10**8)
        said = [one for one in finder(photo).boxes if one.label not in ONLY_RENDERED]
        judged.append(judge(said, truth.model_copy(update={"agreed": known})))
    return judged


def cpu_ms(candidate: Candidate) -> float:
    """Return the least CPU-ms of ten answers for a photo of 1600x1200."""
    noise = np.random.default_rng(0).integers(0, 255, (75, 100, 3), np.uint8)
    large = cv2.resize(noise, (1600, 1200), interpolation=cv2.INTER_CUBIC)
    file = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    finder, least = Finder(candidate.model, candidate.card), np.inf
    for _ in range(10):
        started = time.process_time()
        finder(PhotoFile(file, 10**8))
        least = min(least, time.process_time() - started)
    return float(least * 1e3)


def draw(photo: Image, answer: DetectAnswer | Taught) -> Image:
    """Return a tile of a photo with boxes drawn on it."""
    boxes = answer.boxes if isinstance(answer, DetectAnswer) else answer.agreed
    scale = min(TILE[0] / photo.shape[0], TILE[1] / photo.shape[1])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((*TILE, 3), 20, np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small[: TILE[0], : TILE[1]]
    for one in boxes:
        colour = COLOURS[sum(one.label.encode()) % len(COLOURS)]
        left, top, right, bottom = (round(edge * scale) for edge in one.box)
        cv2.rectangle(tile, (left, top), (right, bottom), colour, 2)
        words = f"{one.label} {one.confidence:.2f}"
        cv2.putText(tile, words, (left + 2, max(top + 12, 12)), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                    colour, 1, cv2.LINE_AA)  # fmt: skip
    return tile


def draw_sheet(file: Path, tiles: Iterator[Image], columns: int) -> None:
    """Write tiles as one picture."""
    listed = list(tiles)
    lines = [np.concatenate(listed[i : i + columns], 1) for i in range(0, len(listed), columns)]
    cv2.imwrite(str(file), np.concatenate(lines)[..., ::-1])


def main() -> None:
    """Judge, and print tables and figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path, required=True, help="photos.parquet of the split")
    parser.add_argument("--model", type=Path, action="append", default=[], help="folders")
    parser.add_argument(
        "--outside", action="append", default=[], help=f"CONTRACT=FILE, of {sorted(CONTRACTS)}"
    )
    parser.add_argument("--rooms", type=Path, help="rendered rooms with `instances.png`")
    parser.add_argument("--sheet", type=Path, help="folder for a picture of each, 24 photos")
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    if DataSettings().studio_data is None:
        raise SystemExit("set STUDIO_DATA to the folder of photos")
    dataset, table = open_detection(ROOT / "datasets/detection"), pd.read_parquet(given.table)
    few = 24 if given.quick else None
    rows = Rows(table[:0], table[table["split"] == "validation"][:few], dataset)
    test = table[table["split"] == "test"][:few]
    figures = Figures()
    named = {folder.name: ours(folder) for folder in given.model}
    named |= dict(take_in(one, rows) for one in given.outside)
    for name, candidate in named.items():
        sure = candidate.card.output_as(Boxes).score_above
        figures.say(f"\n{name}: {len(candidate.model) / 1e6:.1f} MB, answers from {sure}")
        judged = [one for _, one in judge_rows(candidate, test, dataset)]
        show(figures, f"{name}.held_out", judged, sure)
        if given.rooms:
            show(figures, f"{name}.rooms", judge_rooms(candidate, given.rooms, few or 300), sure)
        figures.add(f"{name}.cpu_ms", cpu_ms(candidate))
    if given.sheet:
        given.sheet.mkdir(parents=True, exist_ok=True)
        chosen = test.sort_values("sha256").groupby("label").head(2)[:24].to_dict("records")
        teachers = teachers_of(dataset)
        shown = {name: Finder(one.model, one.card) for name, one in named.items()}
        photos = [read_source({str(k): v for k, v in row.items()}) for row in chosen]
        for name, finder in shown.items():
            tiles = (draw(photo.pixels(), finder(photo)) for photo in photos)
            draw_sheet(given.sheet / f"{name}.png", tiles, 6)
        tiles = (draw(photo.pixels(), teachers.look(photo)) for photo in photos)
        draw_sheet(given.sheet / "agreed.png", tiles, 6)
    figures.print()


if __name__ == "__main__":
    main()
