"""Draws what an analysis says on 24 photos: `analysis_sheet.py OUT.webp --models FOLDER`.

Surfaces are tinted, things are boxes, focus points are dots; tags, room and quality stand below.
Half of the photos are of listings, half of Places. Needs STUDIO_DATA; `--models` as for analyze.py.
"""

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

from registry.bootstrap import STARTERS
from serving.image import Image, PhotoFile
from serving.image.writing import encode_photo
from serving.licences import LicencePolicy
from serving.models.analysis import TASKS, Analysis, Seen, analyse, look_at
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor
from serving.perception.layers import COLOURS
from serving.perception.segment import SEGMENTER
from serving.storage.folder import FolderStorage

_WIDTH, _HEIGHT, _WORDS, _COLUMNS = 400, 300, 62, 4
_TINT = 0.35
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PLACES = (
    "places/living_room", "places/dining_room", "places/bedroom", "places/entrance_hall",
    "places_small/pool", "places_small/staircase",
)  # fmt: skip


def choose(data: Path) -> list[Path]:
    """Return twelve photos of listings and twelve of Places, the same each time."""
    listings = sorted(data.glob("listings/*/*.jpg"))
    rng = np.random.default_rng(45)
    chosen = [listings[n] for n in sorted(rng.choice(len(listings), 12, replace=False))]
    for folder in _PLACES:
        files = sorted((data / "rooms" / folder).glob("*.jpg"))
        chosen += [files[n] for n in rng.choice(len(files), 2, replace=False)]
    return chosen


def draw(photo: Image, ids: Image, found: Analysis) -> Image:
    """Return a tile of a photo with everything on it."""
    height, width = photo.shape[:2]
    scale = min(_WIDTH / width, _HEIGHT / height)
    size = round(width * scale), round(height * scale)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    tint = np.array(COLOURS, np.uint8)[cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST)]
    mixed = np.asarray(cv2.addWeighted(small, 1 - _TINT, tint, _TINT, 0), np.uint8)
    for thing in found.result.detections or ():
        left, top, right, bottom = (round(edge * scale) for edge in thing.box)
        cv2.rectangle(mixed, (left, top), (right, bottom), (34, 211, 238), 1)
        _write(mixed, f"{thing.label} {thing.confidence:.2f}", (left + 2, top + 10), 0.34)
    for point in found.result.focus or ():
        at = round(point.x * size[0]), round(point.y * size[1])
        cv2.circle(mixed, at, round(4 + 8 * point.weight), (255, 0, 110), -1, cv2.LINE_AA)
    tile = np.full((_HEIGHT + _WORDS, _WIDTH, 3), 24, np.uint8)
    tile[: size[1], : size[0]] = mixed
    _tell(tile, found)
    return tile


def _tell(tile: Image, found: Analysis) -> None:
    result = found.result
    score = f", quality {result.quality.score:.0f}" if result.quality else ""
    _write(tile, f"{result.room_type} {result.confidence:.2f}{score}", (4, _HEIGHT + 14), 0.4)
    tags = [f"{tag.name} {100 * tag.confidence:.0f}" for tag in result.tags.present]
    for line, start in enumerate(range(0, len(tags), 3)):
        _write(tile, ", ".join(tags[start : start + 3]), (4, _HEIGHT + 29 + 14 * line), 0.36)


def _write(image: Image, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(image, text, at, _FONT, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, _FONT, size, (255, 255, 255), 1, cv2.LINE_AA)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    storage = FolderStorage(arguments.sheet.resolve().parent)
    baked = load_baked(STARTERS) | load_baked(arguments.models)
    models = LocalModels(storage, baked, licences=LicencePolicy(production=False))
    predictor, tiles = LocalPredictor(models), []
    for number, path in enumerate(choose(Path(os.environ["STUDIO_DATA"]))):
        photo = PhotoFile(path.read_bytes(), 10**9)
        said = {task.name: predictor.predict(task, [photo])[0] for task in TASKS}
        seen = Seen(path.name, photo.size, look_at(photo), said)
        found, surfaces = analyse(seen, storage, 0.0), seen.answer(SEGMENTER)
        ids = surfaces.answer.map.array() if surfaces else np.zeros((8, 8), np.uint8)
        tile = draw(photo.pixels(), ids, found)
        _write(tile, str(number + 1), (_WIDTH - 26, 16), 0.5)
        tiles.append(tile)
    rows = [np.hstack(tiles[at : at + _COLUMNS]) for at in range(0, len(tiles), _COLUMNS)]
    arguments.sheet.write_bytes(encode_photo(np.vstack(rows), "webp", 78))


if __name__ == "__main__":
    main()
