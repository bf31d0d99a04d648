"""Faces and number plates: which are found, and what else is taken for one.

`found`: people and cars are drawn (`synthetic.people`) before photos of listings, and counted is
which share of each face or plate is hidden: 80 % of it counts as found. Once where the boxes are
those of the truth, as a perfect detector would give them, and once with those of the detector,
which was taught by photos and takes few drawings for people. `real faces`: those of a file of grey
faces as scikit-image brings them (`lfw_subset.npy`), each put upon a drawn body whose box is told.
`alarms`: areas in photos of homes as they are, by the detector's people and vehicles.

    STUDIO_DATA=FOLDER python benchmarks/privacy.py --models FOLDER [--faces lfw_subset.npy]

`--models` is made by `benchmarks/outside_models.py`. Nothing was chosen by photos of the seed.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from figures import Figures, parse

from serving.card import ModelCard
from serving.image import Image, PhotoFile, decode
from serving.models.privacy import find_areas
from serving.models.session import OnnxSession
from serving.perception.detect import DETECTOR, DetectAnswer, Detection
from serving.photos.privacy.blur import around
from serving.photos.privacy.find import PrivateArea
from synthetic.people import Box, Drawn, draw_car, draw_person, paste

SEED, COUNT, ALARMS = 7, 40, 120
FOUND = 0.8
_PIXELS = 10**8
Finder = Callable[[PhotoFile], DetectAnswer]


def open_detector(folder: Path) -> Finder:
    """Return what a detector in a folder says of photos."""
    session = OnnxSession((folder / "model.onnx").read_bytes(), threads=1)
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    batched = card.input.arrays[0].batched

    def find(photo: PhotoFile) -> DetectAnswer:
        taken = DETECTOR.prepare(photo, card)
        given = session({name: array[None] if batched else array for name, array in taken.items()})
        outputs = {name: array[0] if batched else array for name, array in given.items()}
        return DETECTOR.read(outputs, card, photo.size)

    return find


def hidden_share(truth: Box, areas: Sequence[PrivateArea]) -> float:
    """Return which share of a box the best area hides, with what is hidden around it."""
    left, top, right, bottom = truth
    shares = [0.0]
    for hidden in (around(area.box) for area in areas):
        wide = min(right, hidden[2]) - max(left, hidden[0])
        high = min(bottom, hidden[3]) - max(top, hidden[1])
        shares.append(max(0.0, wide) * max(0.0, high) / ((right - left) * (bottom - top)))
    return max(shares)


def with_face(drawn: Drawn, face: Image) -> Drawn:
    """Return a person with another face, grey (n, n), in the middle of the drawn one."""
    left, top, right, bottom = (round(edge) for edge in drawn.truth)
    picture, side = drawn.picture.copy(), max(1, right - left)
    top = (top + bottom - side) // 2
    shown = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    picture[top : top + side, left:right, :3] = shown[..., None]
    return Drawn(picture, (float(left), float(top), float(right), float(top + side)))


def judge(
    drawn: Drawn, label: str, photo: Image, rng: np.random.Generator, find: Finder | None
) -> tuple[float, list[PrivateArea]]:
    """Put something before a photo; return which share of its truth is hidden, and by what."""
    high, wide = drawn.picture.shape[:2]
    left, top = int(rng.integers(0, photo.shape[1] - wide)), photo.shape[0] - high
    shown = photo.copy()
    truth = paste(shown, drawn, left, top)
    data = cv2.imencode(".jpg", shown[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    file = PhotoFile(data, _PIXELS)
    own = float(left), float(top), float(left + wide), float(top + high)
    told = DetectAnswer((Detection(label, 1.0, own),), file.size) if find is None else find(file)
    areas = list(find_areas(file, told))
    return hidden_share(truth, areas), areas


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--faces", type=Path)
    arguments, figures = parse(__doc__, parser), Figures()
    cv2.setNumThreads(1)
    count, alarms = (6, 12) if arguments.quick else (COUNT, ALARMS)
    find = open_detector(arguments.models / "detector")
    data, rng = Path(os.environ["STUDIO_DATA"]), np.random.default_rng(SEED)
    large = [decode(p.read_bytes(), _PIXELS) for p in sorted(data.glob("listings/*/*.jpg"))[:12]]
    faces = np.load(arguments.faces)[:count] if arguments.faces else np.zeros((0, 25, 25))
    for label, draw, least in (("person", draw_person, 0.3), ("car", draw_car, 0.25)):
        for way, finder in (("truth", None), ("detector", find)):
            shares, kinds = [], []
            for n in range(count):
                photo = large[n % len(large)]
                side = min(photo.shape[:2])
                drawn = draw(rng, round(side * rng.uniform(least, 2.4 * least)))
                share, areas = judge(drawn, label, photo, rng, finder)
                shares.append(share >= FOUND)
                kinds.append(any(area.kind == "face" for area in areas))
            figures.add(f"found.{label}.{way}.hidden", float(np.mean(shares)))
            if label == "person":
                figures.add(f"found.{label}.{way}.as_faces", float(np.mean(kinds)))
    real = []
    for face in faces:
        photo = large[int(rng.integers(len(large)))]
        grey = np.clip(face * 255 if face.max() <= 1 else face, 0, 255).astype(np.uint8)
        person = with_face(draw_person(rng, round(0.7 * min(photo.shape[:2]))), grey)
        share, areas = judge(person, "person", photo, rng, None)
        real.append([share >= FOUND, any(area.kind == "face" for area in areas)])
    if real:
        hidden, told = np.mean(real, axis=0)
        figures.add("found.real_faces.hidden", float(hidden))
        figures.add("found.real_faces.as_faces", float(told))
    false_alarms(data, find, alarms, figures)
    figures.print()


def false_alarms(data: Path, find: Finder, count: int, figures: Figures) -> None:
    """Count areas in photos of homes; they are printed, to be looked at."""
    paths = sorted((data / "rooms" / "houses").glob("*/*.jpg"))
    chosen = [paths[n] for n in np.random.default_rng(SEED).permutation(len(paths))[:count]]
    with_area, took_ms = [], []
    for path in chosen:
        file = PhotoFile(path.read_bytes(), _PIXELS)
        said = find(file)
        began = time.process_time()
        areas = find_areas(file, said)
        took_ms.append(1e3 * (time.process_time() - began))
        if areas:
            with_area.append((path.parent.name, path.name, [area.kind for area in areas]))
    figures.add("alarms.photos_share", len(with_area) / count)
    figures.add("areas.cpu_ms", float(np.mean(took_ms)))
    for folder, name, kinds in with_area:
        print(f"{folder}/{name}: {', '.join(kinds)}")


if __name__ == "__main__":
    main()
