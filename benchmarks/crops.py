"""Do crops keep their subject? `python benchmarks/crops.py [--seed N] [--sheet OUT.png]`.

The truth is made: a piece of furniture, drawn from its model in a random turn, light, size and
place, on a real photo of a home. Counted is whether it is whole in the crop, of those that fit.
Beside ours: ours where a detector has found the subject, the middle of the photo, and the window of
the largest size around the most salient pixel. The photos have beds and houses of their own, which
are salient, too: without a detector nobody can know which of them is meant.
Seeds from 2000 on are for judging alone: nothing was chosen by them.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from registry.bootstrap import STARTERS
from serving.card import ModelCard
from serving.image import Image, decode
from serving.image.squeeze import to_pixels
from serving.models.session import OnnxSession
from serving.photos.crop.crop import crop_photo
from serving.photos.crop.importance import WeightedBox, make_scene
from serving.photos.crop.ratios import STANDARD, Ratio, read_ratio
from synthetic.catalogue import read_catalogue
from synthetic.objfiles import load_model

Box = tuple[int, int, int, int]
Window = Callable[[NDArray[np.uint8], tuple[int, int], Ratio], Box]
JUDGED_FROM = 2000
TOLD = "ours, subject found"
RATIOS = ("1:1", "9:16")
_PIXELS = 50_000_000


@dataclass(frozen=True)
class Marked:
    """A photo and the box of its subject."""

    photo: Image
    box: Box


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
    for material, mesh in load_model(model).values():
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


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=JUDGED_FROM)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--model", type=Path, default=STARTERS / "saliency")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    session = OnnxSession((asked.model / "model.onnx").read_bytes())
    card = ModelCard.model_validate_json((asked.model / "card.json").read_bytes())
    side = card.input.arrays[0].shape[1]
    ways: dict[str, Window] = {"ours": ours, "centre": middle, "most salient": brightest}
    whole: dict[str, list[bool]] = {}
    costs: dict[str, list[float]] = {"model": [], "five crops": []}
    sheet = []
    for marked in make_marked(Path(os.environ["STUDIO_DATA"]), asked.seed, asked.count):
        size = (marked.photo.shape[0], marked.photo.shape[1])
        began = time.process_time()
        pixels = to_pixels(marked.photo, int(side), int(side))
        saliency = np.asarray(session({"pixels": pixels[None]})["saliency"][0], np.uint8)
        between = time.process_time()
        crop_photo(make_scene(saliency, size), [read_ratio(name) for name in STANDARD])
        costs["model"].append(between - began)
        costs["five crops"].append(time.process_time() - between)
        ways[TOLD] = told(marked.box)
        for way, window in ways.items():
            for name in RATIOS:
                found = window(saliency, size, read_ratio(name))
                whole.setdefault(f"{way} {name}", []).append(is_whole(marked.box, found))
        sheet.append(_show(marked, saliency))
    shares = {name: float(np.mean(each)) for name, each in whole.items()}
    spent = {name: 1e3 * float(np.median(each)) for name, each in costs.items()}
    if asked.sheet:
        rows = [np.concatenate(sheet[n : n + 5], 1) for n in range(0, len(sheet) - 4, 5)]
        cv2.imwrite(str(asked.sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    if asked.json:
        print(json.dumps({"whole": shares, "cpu_ms": spent}, indent=1))
        return
    print(f"subject whole, of {asked.count} photos, seed {asked.seed}")
    print("| | " + " | ".join(RATIOS) + " |\n|---|" + "---|" * len(RATIOS))
    for way in ways:
        cells = " | ".join(f"{shares[f'{way} {name}']:.1%}" for name in RATIOS)
        print(f"| {way} | {cells} |")
    print(", ".join(f"{name} {ms:.0f} CPU-ms" for name, ms in spent.items()))


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
