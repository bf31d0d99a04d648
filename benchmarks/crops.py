"""Do crops keep their subject? `python benchmarks/crops.py [--models FOLDER] [--sheet OUT.png]`.

The truth is made: a piece of furniture, drawn from its model in a random turn, light, size and
place, on a real photo of a home. Counted is whether it is whole in the crop, of those that fit.
Beside ours: ours with the detector and the segmenter of `--models` (`benchmarks/outside_models.py`)
and the photo's lines, as the service crops where they answer; ours where a detector has found the
subject and nothing else; the middle of the photo; and the window of the largest size around the
most salient pixel. The photos have beds and houses of their own, which are salient and found, too:
nobody can know which of them is meant. `seen` counts subjects that the detector boxed at all.
Seeds from 2000 on are for judging alone: nothing was chosen by them.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from registry.bootstrap import STARTERS
from serving.card import ModelCard
from serving.image import Image, PhotoFile, decode
from serving.image.squeeze import to_pixels
from serving.models.cropping import look_at
from serving.models.session import OnnxSession
from serving.perception.boxes import overlaps
from serving.perception.detect import DETECTOR, DetectAnswer
from serving.perception.segment import SEGMENTER, SegmentAnswer
from serving.photos.crop.crop import crop_photo
from serving.photos.crop.importance import WeightedBox, is_backdrop, make_scene, things_of
from serving.photos.crop.perspective import find_perspective
from serving.photos.crop.ratios import STANDARD, Ratio, read_ratio
from serving.task import is_batched
from serving.tasks import AnyTask
from synthetic.catalogue import read_catalogue
from synthetic.objfiles import load_model

Box = tuple[int, int, int, int]
Window = Callable[[NDArray[np.uint8], tuple[int, int], Ratio], Box]
JUDGED_FROM = 2000
TOLD = "ours, subject found"
ALL = "ours, all models"
RATIOS = ("1:1", "9:16")
_PIXELS = 50_000_000
_SAME = 0.5  # of two boxes, shared of both together: they are of one thing


@dataclass(frozen=True)
class Opened:
    """A model and its card."""

    session: OnnxSession
    card: ModelCard

    @classmethod
    def of(cls, folder: Path) -> "Opened":
        """Return the model of a folder with `model.onnx` and `card.json`."""
        card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
        return cls(OnnxSession((folder / "model.onnx").read_bytes(), threads=1), card)

    def ask(self, task: AnyTask, photo: PhotoFile) -> Any:  # noqa: ANN401 - as the task answers
        """Return what it says of a photo."""
        batched = is_batched(self.card)
        taken = task.prepare(photo, self.card).items()
        given = self.session({name: array[None] if batched else array for name, array in taken})
        return task.read(
            {name: array[0] if batched else array for name, array in given.items()},
            self.card,
            photo.size,
        )


@dataclass(frozen=True)
class Marked:
    """A photo and the box of its subject."""

    photo: Image
    box: Box


_load = cache(load_model)  # a second to read, and each piece comes several times


def draw_furniture(folder: Path, rng: np.random.Generator, height: int) -> Image:
    """Return RGBA of a piece of furniture, its faces shaded and drawn from far to near."""
    models = list(read_catalogue(folder).values())
    model = models[int(rng.integers(len(models)))]
    yaw, pitch = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(5, 25))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    c, s = np.cos(pitch), np.sin(pitch)
    view = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ turn
    light = rng.normal(size=3)
    light /= np.linalg.norm(light)
    corners, colours = [], []
    for material, mesh in _load(model).values():
        three = (mesh.vertices @ view.T)[mesh.faces]
        across = np.cross(three[:, 1] - three[:, 0], three[:, 2] - three[:, 0])
        flat = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
        shade = 0.45 + 0.55 * np.abs(flat @ light)
        corners.append(three)
        colours.append(np.outer(shade, 255 * np.sqrt(np.clip(material.color, 0.02, 1))))
    points, paints = np.concatenate(corners), np.concatenate(colours)
    low, high = points.min((0, 1)), points.max((0, 1))
    scale = height / max(high[1] - low[1], 1e-6)
    width = max(1, round((high[0] - low[0]) * scale))
    flat_points = np.stack(
        [(points[..., 0] - low[0]) * scale, (high[1] - points[..., 1]) * scale], -1
    )
    drawn = np.zeros((2 * height + 2, 2 * width + 2, 4), np.uint8)
    for n in np.argsort(points[..., 2].mean(1)):
        corner = np.rint(flat_points[n] * 2).astype(np.int32)
        cv2.fillConvexPoly(drawn, corner, (*(float(v) for v in paints[n]), 255.0))
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def make_marked(data: Path, seed: int, count: int) -> Iterator[Marked]:
    """Yield photos with subjects; a subject fits into the narrowest crop."""
    rng = np.random.default_rng(seed)
    rooms = sorted((data / "listings").glob("*/*.jpg"))
    rooms += sorted((data / "rooms" / "houses").glob("*/*.jpg"))
    made = 0
    while made < count:
        path = rooms[int(rng.integers(len(rooms)))]
        room = decode(path.read_bytes(), _PIXELS).copy()
        high, wide = room.shape[:2]
        piece = draw_furniture(data / "furniture", rng, round(high * rng.uniform(0.25, 0.5)))
        tall, broad = piece.shape[:2]
        narrowest = min(min(ratio.window(high, wide)[1] for ratio in map(read_ratio, RATIOS)), wide)
        if broad < 0.08 * wide or broad > 0.9 * narrowest:
            continue
        left = int(rng.integers(0, wide - broad + 1))
        bottom = round(high * rng.uniform(max(0.6, tall / high), 1.0))
        top = max(0, bottom - tall)
        gain = rng.uniform(0.6, 1.1) * room.mean() / 128
        part = room[top : top + tall, left : left + broad].astype(np.float32)
        alpha = piece[..., 3:].astype(np.float32) / 255
        lit = np.clip(piece[..., :3].astype(np.float32) * gain, 0, 255)
        room[top : top + tall, left : left + broad] = part * (1 - alpha) + lit * alpha
        yield Marked(room, (left, top, left + broad, top + tall))
        made += 1


@dataclass(frozen=True)
class Models:
    """A detector and a segmenter, as a bento carries them."""

    detector: Opened
    segmenter: Opened

    def window(self, marked: Marked) -> tuple[Window, bool]:
        """Return what is served where they answer, and whether a box is that of the subject."""
        size = (marked.photo.shape[0], marked.photo.shape[1])
        data = cv2.imencode(".png", marked.photo[..., ::-1])[1].tobytes()
        photo = PhotoFile(data, _PIXELS)
        things: DetectAnswer = self.detector.ask(DETECTOR, photo)
        surfaces: SegmentAnswer = self.segmenter.ask(SEGMENTER, photo)
        perspective = find_perspective(look_at(photo), size)
        boxes = np.array([one.box for one in things.boxes], np.float32).reshape(-1, 4)
        shared = overlaps(boxes, np.array([marked.box], np.float32))

        def crop(saliency: NDArray[np.uint8], size: tuple[int, int], ratio: Ratio) -> Box:
            found, behind = things_of(things), is_backdrop(surfaces)
            scene = make_scene(saliency, size, found, behind, perspective)
            return crop_photo(scene, [ratio]).crops[0].box

        return crop, bool(shared.max(initial=0) >= _SAME)


def ours(saliency: NDArray[np.uint8], size: tuple[int, int], ratio: Ratio) -> Box:
    """Return the crop that is served."""
    return crop_photo(make_scene(saliency, size), [ratio]).crops[0].box


def told(box: Box) -> Window:
    """Return what is served where a detector found the subject."""

    def crop(saliency: NDArray[np.uint8], size: tuple[int, int], ratio: Ratio) -> Box:
        left, top, right, bottom = (float(edge) for edge in box)
        scene = make_scene(saliency, size, [WeightedBox((left, top, right, bottom))])
        return crop_photo(scene, [ratio]).crops[0].box

    return crop


def middle(saliency: NDArray[np.uint8], size: tuple[int, int], ratio: Ratio) -> Box:
    """Return the largest window in the photo's middle."""
    del saliency
    return _around(size, ratio, 0.5, 0.5)


def brightest(saliency: NDArray[np.uint8], size: tuple[int, int], ratio: Ratio) -> Box:
    """Return the largest window around the most salient pixel."""
    row, column = np.unravel_index(saliency.argmax(), saliency.shape)
    return _around(size, ratio, (row + 0.5) / saliency.shape[0], (column + 0.5) / saliency.shape[1])


def _around(size: tuple[int, int], ratio: Ratio, y: float, x: float) -> Box:
    height, width = ratio.window(*size)
    top = int(np.clip(y * size[0] - height / 2, 0, size[0] - height))
    left = int(np.clip(x * size[1] - width / 2, 0, size[1] - width))
    return left, top, left + width, top + height


def is_whole(subject: Box, crop: Box) -> bool:
    """Say whether a crop shows all of a subject."""
    starts = all(a >= b for a, b in zip(subject[:2], crop[:2], strict=True))
    return starts and all(a <= b for a, b in zip(subject[2:], crop[2:], strict=True))


@dataclass
class Counts:
    """What was counted over all photos.

    Attributes
    ----------
    whole : of each way and ratio, whether the subject of each photo was whole
    seen : whether the detector boxed it
    costs : CPU seconds of each photo
    sheet : a tile of each
    """

    whole: dict[str, list[bool]] = field(default_factory=dict)
    seen: list[bool] = field(default_factory=list)
    costs: dict[str, list[float]] = field(default_factory=dict)
    sheet: list[Image] = field(default_factory=list)


def count_whole(photos: Iterator[Marked], salient: Opened, models: Models | None) -> Counts:
    """Crop every photo in every way, and count whose subject is whole."""
    counts = Counts()
    side = int(salient.card.input.arrays[0].shape[1])
    ways: dict[str, Window] = {"ours": ours, "centre": middle, "most salient": brightest}
    for marked in photos:
        size = (marked.photo.shape[0], marked.photo.shape[1])
        began = time.process_time()
        pixels = to_pixels(marked.photo, side, side)
        saliency = np.asarray(salient.session({"pixels": pixels[None]})["saliency"][0], np.uint8)
        between = time.process_time()
        crop_photo(make_scene(saliency, size), [read_ratio(name) for name in STANDARD])
        counts.costs.setdefault("model", []).append(between - began)
        counts.costs.setdefault("five crops", []).append(time.process_time() - between)
        ways[TOLD] = told(marked.box)
        if models is not None:
            ways[ALL], found = models.window(marked)
            counts.seen.append(found)
        for way, window in ways.items():
            for name in RATIOS:
                cropped = window(saliency, size, read_ratio(name))
                whole = counts.whole.setdefault(f"{way} {name}", [])
                whole.append(is_whole(marked.box, cropped))
        counts.sheet.append(_show(marked, saliency))
    return counts


def report(counts: Counts, about: str, as_json: bool) -> None:
    """Print a table, or one JSON object."""
    shares = {name: float(np.mean(each)) for name, each in counts.whole.items()}
    spent = {name: 1e3 * float(np.median(each)) for name, each in counts.costs.items()}
    if counts.seen:
        shares["seen"] = float(np.mean(counts.seen))
    if as_json:
        print(json.dumps({"whole": shares, "cpu_ms": spent}, indent=1))
        return
    print(about)
    print("| | " + " | ".join(RATIOS) + " |\n|---|" + "---|" * len(RATIOS))
    for way in dict.fromkeys(name.rpartition(" ")[0] for name in counts.whole):
        cells = " | ".join(f"{shares[f'{way} {name}']:.1%}" for name in RATIOS)
        print(f"| {way} | {cells} |")
    if counts.seen:
        print(f"boxed by the detector: {shares['seen']:.1%}")
    print(", ".join(f"{name} {ms:.0f} CPU-ms" for name, ms in spent.items()))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=JUDGED_FROM)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--model", type=Path, default=STARTERS / "saliency")
    parser.add_argument("--models", type=Path, help="a detector and a segmenter")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    folder: Path | None = asked.models
    models = Models(*(Opened.of(folder / n) for n in ("detector", "segmenter"))) if folder else None
    photos = make_marked(Path(os.environ["STUDIO_DATA"]), asked.seed, asked.count)
    counts = count_whole(photos, Opened.of(asked.model), models)
    if asked.sheet:
        tiles = counts.sheet
        rows = [np.concatenate(tiles[n : n + 5], 1) for n in range(0, len(tiles) - 4, 5)]
        cv2.imwrite(str(asked.sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    report(counts, f"subject whole, of {asked.count} photos, seed {asked.seed}", asked.json)


def _show(marked: Marked, saliency: NDArray[np.uint8]) -> Image:
    """Return a photo with its subject in green and our crops in red and blue, 240 px high."""
    shown, size = marked.photo.copy(), (marked.photo.shape[0], marked.photo.shape[1])
    thick = max(2, size[0] // 120)
    cv2.rectangle(shown, marked.box[:2], marked.box[2:], (0, 220, 0), thick)
    for name, colour in zip(RATIOS, ((230, 0, 0), (0, 60, 255)), strict=True):
        box = ours(saliency, size, read_ratio(name))
        cv2.rectangle(shown, box[:2], box[2:], colour, thick)
    grey = cv2.cvtColor(cv2.resize(saliency, (160, 240)), cv2.COLOR_GRAY2RGB)
    return np.concatenate([cv2.resize(shown, (320, 240)), grey], 1)


if __name__ == "__main__":
    main()
