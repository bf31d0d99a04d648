"""How often rooms are named right, against the linear probe on the same photos.

Five-fold over listings: every photo is judged by a model that never saw its listing, nor a copy of
it. A sixth training leaves the `houses` out altogether and is judged on their bathrooms, bedrooms
and kitchens: photos of another source. A seventh learns two rooms of Places from copies of 128 px
only and is judged on such rooms as they are: is blur taken for a label?

The probe is logistic regression on the frozen features of the same backbone, its penalty chosen on
validation. Ours is judged as it would be served (ONNX, int8 if that is chosen). Corrupted photos
are judged in the first fold and of the other source.

Needs STUDIO_DATA. A fold that is done is kept in `--out` and not done again.
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from figures import Figures, parse
from torch import Tensor
from torch.nn import functional

from serving.card import Classes
from serving.models.session import OnnxSession
from serving.photos.classify import to_probabilities
from serving.task import Inputs, Outputs
from training.candidate import Provenance
from training.data.dataset import Dataset, build_table, open_dataset
from training.data.settings import DataSettings
from training.data.splits import find_components
from training.loop.backbone import build_backbone, input_spec
from training.loop.candidates import choose, make_candidates
from training.loop.class_measures import area_under_risk_coverage, brier
from training.loop.corruptions import CORRUPTIONS
from training.loop.export import export_onnx
from training.loop.fit import fit
from training.loop.intervals import mcnemar, proportion
from training.loop.loaders import LabelledPhotos, load, read_image, to_photos
from training.loop.memory import keep_memory
from training.loop.photos import Normalised
from training.loop.predict import Run, photo_input, predict
from training.recipe import Rows
from training.room_classifier.config import RoomConfig
from training.room_classifier.photos import RoomPhotos
from training.room_classifier.recipe import ROOMS
from training.room_classifier.training import RoomTraining
from training.room_classifier.warmup import extract_features, fit_head

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 5
CHANGES = {"clean": None, **CORRUPTIONS}
ALL_CHANGES = ("fold-0", "other-source")
SEEN_SMALL = ("dining_room", "entrance_hall")  # both come from Places alone
SIX = ("bathroom", "bedroom", "dining_room", "entrance_hall", "kitchen", "living_room")


@dataclass(frozen=True)
class Task:
    """Which photos to learn from, to validate on and to be judged on."""

    name: str
    train: pd.DataFrame
    validation: pd.DataFrame
    held: pd.DataFrame


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "accuracy", help="%(default)s")
    parser.add_argument("--only", nargs="*", help="names of tasks, such as fold-0 other-source")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the recipe")
    arguments = parse(__doc__, parser)
    keep_memory()
    given: dict[str, object] = {"epochs": 0, "photos_per_label": 25} if arguments.quick else {}
    given |= dict(item.split("=", 1) for item in arguments.set)
    config = RoomConfig.model_validate(given)
    out = arguments.out / config.digest()
    out.mkdir(parents=True, exist_ok=True)
    settings = DataSettings()
    dataset = open_dataset(settings.dataset_folder())
    table = build_table(dataset, settings.studio_data, arguments.out)
    tasks = make_tasks(table, config)
    tasks.append(seen_small(tasks[0], arguments.out / "small"))
    tasks = [task for task in tasks if not arguments.only or task.name in arguments.only]
    figures = Figures()
    figures.say(f"recipe {config.digest()}: {config.model_dump_json(exclude_defaults=True)}")
    probe = Probe(config, len(dataset.taxonomy.labels))
    for task in tasks:
        figures.say(f"{task.name}: {len(task.train)} to learn from, {len(task.held)} to judge")
        if not (out / f"{task.name}.parquet").exists():
            run(task, dataset, config, probe, out)
    judged = {task.name: pd.read_parquet(out / f"{task.name}.parquet") for task in tasks}
    summarise(figures, judged, [label.name for label in dataset.taxonomy.labels])
    figures.print()


def make_tasks(table: pd.DataFrame, config: RoomConfig) -> list[Task]:
    """Cut the photos into folds by listing and picture; an eighth of the rest validates."""
    component = find_components(table)
    place = table["listing"].groupby(component).transform("min").map(_hash)
    fold, tenth = place % FOLDS, (place // FOLDS) % 8
    tasks = []
    for number in range(FOLDS):
        rest = table[fold != number]
        validates = tenth[rest.index] == 0
        tasks.append(
            Task(f"fold-{number}", rest[~validates], rest[validates], table[fold == number])
        )
    inside = table[(table["source"] != "houses") & (fold != 0)]
    validates = tenth[inside.index] == 0
    houses = table[(table["source"] == "houses") & (table["label"] != "exterior")]
    tasks.append(Task("other-source", inside[~validates], inside[validates], houses))
    if config.photos_per_label:
        tasks = [_thin(task, config.photos_per_label) for task in tasks]
    return tasks


def seen_small(task: Task, out: Path) -> Task:
    """Return a task that knows the rooms of `SEEN_SMALL` only from copies, kept in `out`."""
    out.mkdir(parents=True, exist_ok=True)

    def shrunk(uri: str) -> str:
        path = out / f"{hashlib.sha256(uri.encode()).hexdigest()[:16]}.jpg"
        if not path.exists():
            small = cv2.resize(read_image(uri), (128, 128), interpolation=cv2.INTER_AREA)
            quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
            cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)
        return path.as_uri()

    def replaced(rows: pd.DataFrame) -> pd.DataFrame:
        rows, chosen = rows.copy(), rows["label"].isin(SEEN_SMALL)
        rows.loc[chosen, "uri"] = rows.loc[chosen, "uri"].map(shrunk)
        return rows

    held = task.held[task.held["source"] == "places"]
    return Task("seen-small", replaced(task.train), replaced(task.validation), held)


def _thin(task: Task, count: int) -> Task:
    parts = (
        rows.groupby(["source", "label"]).head(count)
        for rows in (task.train, task.validation, task.held)
    )
    return Task(task.name, *parts)


def _hash(listing: str) -> int:
    return int.from_bytes(hashlib.sha256(f"folds:{listing}".encode()).digest()[:6], "big")


class Probe:
    """The best linear head on the frozen features of the same backbone, penalty by validation."""

    def __init__(self, config: RoomConfig, count: int) -> None:
        self._config, self._count = config, count
        net = build_backbone(config.backbone, count, config.weights)
        self._spec = input_spec(net, config.side)
        self._served = Normalised(net, self._spec)
        self._known: dict[str, Tensor] = {}

    def fit(self, train: LabelledPhotos, validation: LabelledPhotos) -> tuple[Run, float]:
        """Return the head on its backbone as a session, and its penalty."""
        features, checked = self._features(train), self._features(validation)
        learnt, truth = (torch.from_numpy(photos.labels) for photos in (train, validation))
        losses = {}
        for penalty in (1e-3, 3e-3, 1e-2, 3e-2, 1e-1):
            weight, bias = fit_head(features, learnt, self._count, penalty)
            logits = checked @ weight.T + bias
            losses[penalty] = float(functional.cross_entropy(logits, truth))
        best = min(losses, key=lambda penalty: losses[penalty])
        net: Any = self._served.net
        head = net.get_classifier()
        head.weight.data, head.bias.data = fit_head(features, learnt, self._count, best)
        return OnnxSession(export_onnx(self._served, self._spec)), best

    def _features(self, photos: LabelledPhotos) -> Tensor:
        new = np.array([uri not in self._known for uri in photos.uris])
        uris = tuple(np.array(photos.uris)[new])
        if uris:
            some = RoomPhotos(LabelledPhotos(uris, photos.labels[new]), self._config.side)
            loader = load(some, 64, self._config.workers)
            self._known |= zip(uris, extract_features(self._served, loader)[0], strict=True)
        return torch.stack([self._known[uri] for uri in photos.uris])


def run(task: Task, dataset: Dataset, config: RoomConfig, probe: Probe, out: Path) -> None:
    """Train ours and the probe, judge both, keep every probability."""
    parts = (task.train, task.validation, task.held)
    train, validation, held = (to_photos(rows, dataset.labels) for rows in parts)
    learnt = Rows(task.train, task.validation, dataset)
    trained = fit(RoomTraining(), learnt, config, out / task.name)
    provenance = Provenance(task.name, (), "research", "benchmark")
    candidates, _ = make_candidates(ROOMS, trained, learnt, config, provenance)
    ours = candidates[choose(candidates, ROOMS.headline)]
    theirs, penalty = probe.fit(train, validation)
    print(f"{task.name}: {ours.card.precision} is served, the probe's penalty is {penalty}")
    rows = task.held[["uri", "source", "label", "listing"]].reset_index(drop=True)
    model = OnnxSession(ours.model)

    def both(inputs: Inputs) -> Outputs:
        found = [session(inputs)["logits"] for session in (model, theirs)]
        return {"logits": np.concatenate(found, axis=1)}

    size, temperature = photo_input(ours.card.input), ours.card.output_as(Classes).temperature
    for name, change in CHANGES.items() if task.name in ALL_CHANGES else [("clean", None)]:
        logits = predict(both, held.uris, size, change=change, title=name)
        first, second = np.split(logits, 2, axis=1)
        rows[f"ours {name}"] = list(to_probabilities(first, temperature))
        rows[f"probe {name}"] = list(to_probabilities(second, 1.0))
    rows.to_parquet(out / f"{task.name}.parquet")


def summarise(figures: Figures, judged: dict[str, pd.DataFrame], names: list[str]) -> None:
    """Add the figures of the folds together, and of the other source."""
    folds = [rows for name, rows in judged.items() if name.startswith("fold")]
    if folds:
        rows = pd.concat(folds, ignore_index=True)
        compare(figures, "houses", rows[rows["source"] == "houses"], names)
        places = rows[(rows["source"] == "places") & rows["label"].isin(SIX)]
        compare(figures, "places", places, names)
        compare(figures, "places_small", rows[rows["source"] == "places_small"], names)
        compare(figures, "all", rows, names)
    if "seen-small" in judged:
        rows = judged["seen-small"]
        chosen = rows["label"].isin(SEEN_SMALL)
        compare(figures, "seen_small", rows[chosen], names)
        compare(figures, "seen_small_others", rows[~chosen], names)
    if "other-source" in judged:
        compare(figures, "other_source", judged["other-source"], names)


def compare(figures: Figures, name: str, rows: pd.DataFrame, names: list[str]) -> None:
    """Add ours and the probe's figures on some photos, clean and corrupted."""
    figures.say(f"{name}: {len(rows)} photos")
    interior = np.array([n not in ("exterior", "yard", "pool", "driveway") for n in names])
    for change in CHANGES:
        if f"ours {change}" not in rows:
            continue
        judged = rows.dropna(subset=[f"ours {change}"])
        truth = np.array([names.index(label) for label in judged["label"]])
        right = {}
        for who in ("ours", "probe"):
            probabilities = np.stack(judged[f"{who} {change}"].to_list()).astype(np.float64)
            right[who] = probabilities.argmax(axis=1) == truth
            key = f"{name}.{change}.{who}"
            share = proportion(right[who])
            figures.add(f"{key}.top1", share.value)
            if change == "clean":
                figures.add(f"{key}.top1.low", share.low)
                figures.add(f"{key}.top1.high", share.high)
                inside = probabilities[:, interior].sum(axis=1) >= 0.5
                figures.add(f"{key}.scene", float((inside == interior[truth]).mean()))
            figures.add(f"{key}.brier", brier(probabilities, truth))
            confidence = probabilities.max(axis=1)
            figures.add(f"{key}.aurc", area_under_risk_coverage(confidence, right[who]))
        if change == "clean":
            errors = [int((~right[who]).sum()) for who in ("ours", "probe")]
            figures.add(f"{name}.errors_ratio", errors[0] / max(1, errors[1]))
            figures.add(f"{name}.mcnemar_p", mcnemar(right["ours"], right["probe"]))


if __name__ == "__main__":
    main()
