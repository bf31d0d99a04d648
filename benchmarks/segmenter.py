"""How right is what the segmenter says of pixels? Beside the networks that could teach it.

`interiors`: photos on which people drew (ADE20K), that no training of ours sees; the larger
networks learned from them, and their answers go through the same mapping. `pixel_accuracy` is of
pixels of classes that those know, `pixel_accuracy_all` of all of ours. `held_out`: photos of the
frozen test set, against the teacher. `borders`: full-size synthetic photos (the sample listing)
with true maps: F-measure of borders within 2 px before and after refinement, of each network's map
and of the true map shrunk to the model's size. `cost`: of a photo of 1600x1200.

Needs STUDIO_DATA; borders need `--furniture`, and Mitsuba.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from figures import Figures, parse
from numpy.typing import NDArray

from serving.card import ModelCard
from serving.errors import ModelFailed
from serving.image import Image, PhotoFile
from serving.image.squeeze import to_pixels
from serving.models.session import OnnxSession
from serving.perception.classes import CLASSES
from serving.perception.refine import refine_mask
from serving.perception.segment import SEGMENTER
from training.candidate import Candidate
from training.data.settings import DataSettings
from training.segmenter.annotated import Annotated, read_annotated
from training.segmenter.dataset import open_segmentation
from training.segmenter.evaluation import SegmenterEvaluation
from training.segmenter.mapping import of_ade32, of_synthetic
from training.segmenter.scores import PARTS, accuracies, boundary_f, confusion, part_overlaps

ROOT = Path(__file__).resolve().parents[1]
STARTER = ROOT / "registry/starter/segmenter"
Ids = NDArray[np.uint8]
Segment = Callable[[Image], Ids]
SIDE_OF_PEERS = 512


def ours(folder: Path) -> tuple[Candidate, Segment]:
    """Return the model of a folder with `model.onnx` and `card.json`, and what asks it."""
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    model = (folder / "model.onnx").read_bytes()
    session, side = OnnxSession(model), card.input.arrays[0].shape[1]

    def segment(photo: Image) -> Ids:
        pixels = to_pixels(photo, int(side), int(side))
        return np.asarray(session({"pixels": pixels[None]})["ids"][0], np.uint8)

    return Candidate(model, card, float("nan")), segment


def peer(file: Path) -> Segment:
    """Return what asks a network of ADE20K in 32 classes for our classes."""
    session, ours_of = OnnxSession(file.read_bytes()), of_ade32()

    def segment(photo: Image) -> Ids:
        pixels = to_pixels(photo, SIDE_OF_PEERS, SIDE_OF_PEERS)[None]
        for name in ("PreprocessedImageTensor", "MobilenetV2/MobilenetV2/input"):
            try:
                found = session({name: pixels})
            except ModelFailed:  # its input has another name
                continue
            ids = next(array for array in found.values() if array.dtype == np.int32)
            return ours_of[ids[0]]
        raise SystemExit(f"{file.name} takes no input that is known here")

    return segment


def show_interiors(figures: Figures, named: dict[str, Segment], photos: list[Annotated]) -> None:
    """Print accuracy and overlaps of every network, refined and not."""
    figures.say(f"\ninteriors: {len(photos)} photos")
    for name, segment in named.items():
        for refined in (False, True):
            total = np.zeros((len(CLASSES),) * 2, np.int64)
            for one in photos:
                total += confusion(one.truth, to_size(segment(one.photo), one.photo, refined))
            key = f"interiors.{name}{'.refined' if refined else ''}"
            for part, value in (accuracies(total) | part_overlaps(total)).items():
                figures.add(f"{key}.{part}", value)


def to_size(ids: Ids, photo: Image, refined: bool) -> Ids:
    """Return a map at the photo's size, refined or stretched."""
    if refined:
        return refine_mask(ids, photo)
    size = photo.shape[1], photo.shape[0]
    return np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def show_held_out(figures: Figures, candidate: Candidate, table: Path) -> None:
    """Print agreement with the teacher on frozen photos."""
    dataset = open_segmentation(ROOT / "datasets/segmentation")
    rows = pd.read_parquet(table)
    report = SegmenterEvaluation().evaluate(candidate, rows[rows["split"] == "test"], dataset)
    for name, value in report.figures.items():
        if name.startswith(("test/agreement", "test/taught", "slice/source")):
            figures.add(f"held_out.{name.replace('/', '.')}", value)


def rendered(furniture: Path, count: int) -> Iterator[tuple[Image, Ids]]:
    """Yield full-size synthetic photos with the true class of every pixel."""
    from synthetic.assemble import class_of_instance
    from synthetic.catalogue import read_catalogue
    from synthetic.render import trace_truth
    from synthetic.sample import SIZE, design_listing
    from synthetic.scene import CATEGORIES

    catalogue = read_catalogue(furniture)
    for shot, scene in list(design_listing(catalogue).items())[1 : count + 1]:
        truth = trace_truth(scene, catalogue, SIZE)
        classes = class_of_instance(scene)[truth.instances]
        photo = PhotoFile((ROOT / "datasets/sample_listing" / shot.file).read_bytes(), 10**8)
        yield photo.pixels(), of_synthetic(CATEGORIES)[classes]


def show_borders(
    figures: Figures, named: dict[str, Segment], rooms: list[tuple[Image, Ids]], side: int
) -> None:
    """Print the F-measure of borders before and after refinement."""
    figures.say(f"\nborders within 2 px: {len(rooms)} rendered photos of 1536x1024")
    for name, segment in {"true_map": None, **named}.items():
        found: dict[tuple[str, bool], list[float]] = {}
        for photo, truth in rooms:
            small = (
                np.asarray(cv2.resize(truth, (side, side), interpolation=cv2.INTER_NEAREST))
                if segment is None
                else segment(photo)
            )
            for refined in (False, True):
                full = to_size(small, photo, refined)
                for part, classes in PARTS.items():
                    value = boundary_f(truth, full, tuple(classes))
                    found.setdefault((part, refined), []).append(value)
        for refined in (False, True):
            when = "after" if refined else "before"
            means = [float(np.nanmean(found[part, refined])) for part in PARTS]
            for part, mean in zip(PARTS, means, strict=True):
                figures.add(f"borders.{name}.{when}.{part}", mean)
            figures.add(f"borders.{name}.{when}.mean", float(np.mean(means)))


def show_cost(figures: Figures, candidate: Candidate, photo: Image) -> None:
    """Print CPU-ms of a photo of 1600x1200: what is asked, and refinement."""
    large = np.asarray(cv2.resize(photo, (1600, 1200)), np.uint8)
    file = cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    session, card = OnnxSession(candidate.model), candidate.card
    least = dict.fromkeys(("prepare", "model", "read", "refine"), np.inf)
    for _ in range(10):
        marks = [time.process_time()]
        source = PhotoFile(file, 10**8)
        inputs = SEGMENTER.prepare(source, card)
        marks.append(time.process_time())
        outputs = session({name: array[None] for name, array in inputs.items()})
        marks.append(time.process_time())
        answer = SEGMENTER.read({n: a[0] for n, a in outputs.items()}, card, source.size)
        marks.append(time.process_time())
        refine_mask(answer.map.array(), large)
        marks.append(time.process_time())
        for name, ms in zip(least, np.diff(marks) * 1e3, strict=True):
            least[name] = min(least[name], float(ms))
    for name, ms in least.items():
        figures.add(f"cost.{name}_cpu_ms", ms)
    figures.add("cost.answer_cpu_ms", least["prepare"] + least["model"] + least["read"])
    figures.add("cost.model_mb", len(candidate.model) / 1e6)


def main() -> None:
    """Judge, and print tables and figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=STARTER, help="folder (the starter)")
    parser.add_argument("--peer", type=Path, action="append", default=[], help="other ONNX files")
    parser.add_argument("--table", type=Path, help="photos.parquet of `training.data split`")
    parser.add_argument("--furniture", type=Path, help="folder of a Sweet Home 3D library")
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    data = DataSettings().studio_data
    if data is None:
        raise SystemExit("set STUDIO_DATA to the folder of photos")
    figures, (candidate, segment) = Figures(), ours(given.model)
    named = {"ours": segment} | {file.stem.split("_")[0]: peer(file) for file in given.peer}
    photos = list(read_annotated(data))[: 2 if given.quick else None]
    show_interiors(figures, named, photos)
    if given.table:
        show_held_out(figures, candidate, given.table)
    if given.furniture:
        side = int(candidate.card.input.arrays[0].shape[1])
        show_borders(figures, named, list(rendered(given.furniture, 1 if given.quick else 5)), side)
    show_cost(figures, candidate, photos[0].photo)
    figures.print()


if __name__ == "__main__":
    main()
