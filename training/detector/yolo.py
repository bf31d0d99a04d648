"""Trains a YOLO of ultralytics on the same photos, and exports it: served without ultralytics.

ultralytics is AGPL-3.0, and its makers hold that weights trained with it are covered. It is the
extra `ultralytics`, imported here alone, and only when a training begins; the weights' licence says
AGPL-3.0, which production refuses unless ALLOW_LICENCES names it.

    python -m training.detector.yolo write FOLDER --table photos.parquet
    python -m training.detector.yolo train FOLDER --out yolo.onnx

What comes out is taken in as any other weights from outside: an `OutsideWeights` with the printed
SHA-256 and the contract `training.detector.outside.YOLO`.
"""

import argparse
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from serving.errors import BadInput
from training.data.objects import read_photo
from training.detector.agreement import Taught
from training.detector.coco import learned_labels
from training.detector.dataset import open_detection, teachers_of
from training.detector.outside import YOLO
from training.detector.teachers import Teachers

LICENCE = "AGPL-3.0 AND research"  # the program's, and the photos'
_CLEAR = 0.5  # a photo with a doubtful thing of this confidence is left out: YOLO has no doubts
_SPLITS = {"train": "train", "validation": "val"}


def write_yolo(rows: pd.DataFrame, teachers: Teachers, folder: Path) -> dict[str, int]:
    """Write photos and what both teachers found in them in YOLO's format; return counts by split.

    `images/SPLIT/SHA256.jpg`, `labels/SPLIT/SHA256.txt` with a line `label x y width height` of
    each thing, 0..1, and `data.yaml`. Photos are left out in which one teacher found alone what it
    is sure of: here everything that has no box is background. Only rows of `train` and
    `validation` are written.
    """
    labels, counts = learned_labels(rendered=False), dict.fromkeys(_SPLITS, 0)
    for row in rows.to_dict("records"):
        split = row["split"]
        if split not in _SPLITS:
            continue
        taught = teachers.ask({str(name): value for name, value in row.items()})
        if any(one.confidence >= _CLEAR for one in taught.unsure):
            continue
        places = [folder / kind / _SPLITS[split] for kind in ("images", "labels")]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        (places[0] / f"{row['sha256']}.jpg").write_bytes(read_photo(row["uri"]))
        lines = "".join(to_lines(taught, labels))
        (places[1] / f"{row['sha256']}.txt").write_text(lines, "utf-8")
        counts[split] += 1
    named = {"path": str(folder.absolute()), "names": dict(enumerate(labels))}
    splits = {name: f"images/{name}" for name in _SPLITS.values()}
    (folder / "data.yaml").write_text(yaml.safe_dump(named | splits), "utf-8")
    return counts


def to_lines(taught: Taught, labels: tuple[str, ...]) -> Iterable[str]:
    r"""Yield YOLO's line of each thing: its label's number, middle, width and height, 0..1.

    Examples
    --------
    >>> from serving.perception.detect import Detection
    >>> sofa = Detection("sofa", 0.9, (0, 0, 100, 50))
    >>> list(to_lines(Taught(size=(100, 200), agreed=(sofa,), unsure=()), ("bed", "sofa")))
    ['1 0.250000 0.250000 0.500000 0.500000\n']
    """
    height, width = taught.size
    for one in taught.agreed:
        left, top, right, bottom = one.box
        middle = ((left + right) / 2 / width, (top + bottom) / 2 / height)
        size = ((right - left) / width, (bottom - top) / height)
        numbers = " ".join(f"{value:.6f}" for value in (*middle, *size))
        yield f"{labels.index(one.label)} {numbers}\n"


def train_yolo(
    folder: Path, out: Path, architecture: str = "yolov8n.yaml", epochs: int = 50, device: str = ""
) -> str:
    """Train from scratch, or from weights of ultralytics, on what `write_yolo` wrote.

    Parameters
    ----------
    out : ONNX file, overwritten
    architecture : `….yaml` begins with random weights, `….pt` with a file of theirs
    device : of ultralytics: `cpu`, `0` …; empty: the best there is

    Returns
    -------
    The file's SHA-256, in hex.

    Raises
    ------
    BadInput
        If the extra `ultralytics` is not installed.
    """
    network, side = _open(architecture, folder), YOLO.taken.height
    network.train(
        data=str(folder / "data.yaml"),
        imgsz=side,
        epochs=epochs,
        device=device or None,
        project=str((folder / "runs").absolute()),
        exist_ok=True,
        plots=False,
        workers=0 if device == "cpu" else 8,
        amp=device != "cpu",
    )
    exported = Path(network.export(format="onnx", imgsz=side, simplify=False, device="cpu"))
    data = exported.read_bytes()
    out.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _open(architecture: str, folder: Path) -> Any:  # noqa: ANN401 - a class of theirs
    """Import ultralytics, tell it to tell nobody, and return its network."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ["YOLO_CONFIG_DIR"] = str(folder.absolute())  # its settings are ours, not the user's
    try:
        from ultralytics.models import YOLO as Network
        from ultralytics.utils import SETTINGS
    except ImportError as error:
        raise BadInput(f"{error}: pip install 'listing-studio[ultralytics]' (AGPL-3.0)") from error
    reporting = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
    theirs: Any = SETTINGS
    theirs.update(dict.fromkeys(reporting, False))
    return Network(architecture)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("write", "train"))
    parser.add_argument("folder", type=Path, help="of the dataset in YOLO's format")
    parser.add_argument("--table", type=Path, help="photos.parquet of `training.data split`")
    parser.add_argument("--dataset", type=Path, default=Path("datasets/detection"))
    parser.add_argument("--out", type=Path, default=Path("yolo.onnx"))
    parser.add_argument("--architecture", default="yolov8n.yaml")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--device", default="")
    given = parser.parse_args()
    if given.step == "write":
        dataset, table = open_detection(given.dataset), pd.read_parquet(given.table)
        rows = dataset.training_rows(table)
        print(write_yolo(rows, teachers_of(dataset), given.folder))
    else:
        print(train_yolo(given.folder, given.out, given.architecture, given.epochs, given.device))


if __name__ == "__main__":
    main()
