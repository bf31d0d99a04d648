"""How well is the camera of a room's photo told, and the room? Beside the share that is refused.

`drawn`: photos of synthetic rooms by cameras of 50 to 100 degrees, tilted, the optical centre off
by up to 6 % both ways (the spread of what was drawn is printed). Two sets of scenes that share
neither furniture nor seeds: `learned`, on which constants were tuned, and `unseen`, on which none
was. Floor: how far a point of the floor is from where it lies, in its distance, the median of a
photo, the camera's height given. `all` is every photo that shows 4 % of floor; `kept` those that
the doubts do not refuse, `coverage` their share. Walls: distances, with the true map of classes.

`real` (with `--peer`, needs STUDIO_DATA): draws on photos of listings the box, openings and a grid
of 0.5 m that is 5 m deep, for a person to judge; pictures go to `--out`, which stays private.

Drawn photos are kept in `--out` and used again.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from figures import Figures, parse
from geometry_sheet import draw_room
from numpy.typing import NDArray

from serving.image import Image
from serving.staging.geometry.find import FoundRoom, find_room
from serving.staging.geometry.frames import quarter_turns
from serving.staging.room import Wall
from synthetic.catalogue import Catalogue, read_catalogue
from synthetic.raycast.cameras import Place, numbers_of, photograph, rotation_of
from synthetic.raycast.rooms import DrawnScene, Part
from synthetic.scene import CATEGORIES
from training.data.settings import DataSettings
from training.segmenter.mapping import of_synthetic

ROOT = Path(__file__).resolve().parents[1]
SIZE = (720, 480)
LEAST_FLOOR = 0.04
REAL_ROOMS = ("bedroom", "kitchen")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """A drawn photo and its camera.

    Attributes
    ----------
    rotation : (3, 3), of directions of the world to the camera
    centre : of the optics, px
    floor : bool (height, width), where the room's floor is seen
    """

    photo: Image
    ids: NDArray[np.uint8]
    rotation: Floats
    focal_px: float
    centre: Floats
    floor: NDArray[np.bool_]
    position: Floats
    size_m: Floats
    spread: dict[str, float]


@dataclass(frozen=True)
class Errors:
    """What was told wrongly of a photo; floor, walls and scale as shares."""

    rotation_deg: float
    focal: float
    floor: float
    walls: dict[Wall, float]
    scale: float
    expected_floor: float
    cpu_ms: float
    refused: tuple[str, ...]
    doubts: tuple[str, ...]


def photos(
    part: Part, place: Place, count: int, catalogue: Catalogue | None, folder: Path
) -> Iterator[Truth]:
    """Yield drawn photos with their truth; without a catalogue only those that are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers_of(count):
        file = folder / f"{part}-{number:04d}.npz"
        if not file.is_file():
            if catalogue is None:
                continue
            draw(DrawnScene(part, number), catalogue, place, file)
        with np.load(file) as kept:
            yield read(dict(kept))


def draw(scene: DrawnScene, catalogue: Catalogue, place: Place, file: Path) -> None:
    """Draw a photo and write it with its truth."""
    seen = photograph(scene, catalogue, SIZE, place)
    view = seen.view
    np.savez_compressed(
        file,
        photo=cv2.imencode(".png", seen.photo[..., ::-1])[1],
        classes=seen.classes,
        planes=seen.planes,
        rotation=rotation_of(view),
        hfov=view.camera.hfov_deg,
        rise=view.camera.rise,
        shift=view.shift,
        pitch=view.pitch_deg,
        roll=view.roll_deg,
        position=np.array(view.camera.position, float),
        yaw=view.camera.yaw_deg,
        size=seen.size_m,
    )


def read(kept: dict[str, NDArray[np.generic]]) -> Truth:
    """Return what a file holds."""
    photo = cv2.imdecode(np.asarray(kept["photo"], np.uint8), cv2.IMREAD_COLOR)
    assert photo is not None
    height, width = photo.shape[:2]
    names = ("hfov", "rise", "shift", "pitch", "roll", "yaw")
    spread = {name: float(np.asarray(kept[name], float)) for name in names}
    spread["yaw"] = abs((spread["yaw"] + 45) % 90 - 45)
    classes = np.asarray(kept["classes"], np.uint8)
    floor = (np.asarray(kept["planes"]) == 1) | (classes == CATEGORIES.index("rug"))
    return Truth(
        np.ascontiguousarray(photo[..., ::-1], np.uint8),
        of_synthetic(CATEGORIES)[classes],
        np.asarray(kept["rotation"], float),
        width / 2 / math.tan(math.radians(spread["hfov"]) / 2),
        np.array([width * (0.5 + spread["shift"]), height * (0.5 + spread["rise"])]),
        floor,
        np.asarray(kept["position"], float),
        np.asarray(kept["size"], float),
        spread,
    )


def judge(truth: Truth) -> Errors:
    """Return what is told wrongly of a photo."""
    start = time.process_time()
    found = find_room(truth.photo, truth.ids)
    cpu_ms = (time.process_time() - start) * 1e3
    world = truth.rotation @ np.diag([-1.0, -1.0, 1.0])  # right, down, ahead of a room
    turns = [angle(frame, world) for frame in quarter_turns(found.camera.pose.frame)]
    return Errors(
        math.degrees(min(turns)),
        abs(found.camera.camera.focal_px / truth.focal_px - 1),
        floor_error(found, truth, world),
        dict(wall_errors(found, truth)),
        abs(found.room.camera.height_m / float(truth.position[1]) - 1),
        found.camera.evidence.floor_sd,
        cpu_ms,
        tuple(found.refusals),
        tuple(found.room.doubts),
    )


def angle(one: Floats, other: Floats) -> float:
    """Return the angle between two rotations, radians; of a small one precisely."""
    turn = one.T @ other
    sine = np.linalg.norm((turn - turn.T)[[2, 0, 1], [1, 2, 0]]) / 2
    return math.atan2(float(sine), (float(np.trace(turn)) - 1) / 2)


def floor_error(found: FoundRoom, truth: Truth, world: Floats) -> float:
    """Return the median error of points of the floor, in their distance; NaN without a floor."""
    rows, columns = np.nonzero(truth.floor)
    if len(rows) < LEAST_FLOOR * truth.floor.size:
        return math.nan
    some = np.linspace(0, len(rows) - 1, 800).astype(np.int64)
    pixels = np.stack([columns[some] + 0.5, rows[some] + 0.5], axis=1)
    real = on_floor(pixels, truth.focal_px, truth.centre, world)
    camera = found.camera.camera
    best = math.inf
    for frame in quarter_turns(found.camera.pose.frame):
        told = on_floor(pixels, camera.focal_px, np.asarray(camera.centre_px), frame)
        off = np.linalg.norm(told - real, axis=1) / np.linalg.norm(real, axis=1)
        best = min(best, float(np.median(np.nan_to_num(off, nan=9.0))))
    return best


def on_floor(pixels: Floats, focal: float, centre: Floats, frame: Floats) -> Floats:
    """Return the points right and ahead that pixels (n, 2) show; NaN above the horizon."""
    ways = np.concatenate([(pixels - centre) / focal, np.ones((len(pixels), 1))], axis=1) @ frame
    down = np.where(ways[:, 1:2] > 1e-3, ways[:, 1:2], np.nan)
    return ways[:, ::2] / down


def wall_errors(found: FoundRoom, truth: Truth) -> Iterator[tuple[Wall, float]]:
    """Yield by how much the distance of each wall that is said to be seen is wrong."""
    camera, box = found.room.camera, found.room.box
    height = float(truth.position[1])
    ways = {"front": (0.0, 0.0, -1.0), "left": (-1.0, 0.0, 0.0), "right": (1.0, 0.0, 0.0)}
    for wall in get_args(Wall):
        if wall not in box.seen:
            continue
        way = truth.rotation.T @ camera.rotation @ np.array(ways[wall])
        axis = int(np.abs(way).argmax())
        real = truth.position[axis] if way[axis] < 0 else truth.size_m[axis] - truth.position[axis]
        told = {"front": box.front_m, "left": box.left_m, "right": box.right_m}[wall]
        yield wall, abs(told / camera.height_m * height / real - 1)


def show_spread(figures: Figures, truths: list[Truth]) -> None:
    """Print what cameras there were."""
    for name in truths[0].spread:
        values = np.array([truth.spread[name] for truth in truths])
        least, low, middle, high, most = np.quantile(values, (0, 0.1, 0.5, 0.9, 1))
        figures.say(
            f"  {name:<6} {least:7.3f} .. {most:7.3f}, median {middle:7.3f},"
            f" 80 % in {low:.3f} .. {high:.3f}"
        )


def show_drawn(figures: Figures, name: str, truths: list[Truth]) -> None:
    """Print the errors of a set of drawn photos."""
    figures.say(f"\n{name}: {len(truths)} drawn photos of {SIZE[0]}x{SIZE[1]}; their cameras:")
    show_spread(figures, truths)
    every = [error for error in map(judge, truths) if not math.isnan(error.floor)]
    figures.say(f"  {len(every)} of them show {LEAST_FLOOR:.0%} of floor or more")
    kept = [error for error in every if not error.refused]
    figures.add(f"{name}.photos", len(every))
    figures.add(f"{name}.coverage", len(kept) / max(1, len(every)))
    for which, errors in (("all", every), ("kept", kept)):
        show_errors(figures, f"{name}.{which}", errors)
    refused = [code for error in every for code in error.refused]
    for code in sorted(set(refused)):
        figures.add(f"{name}.refused.{code}", refused.count(code))
    figures.add(f"{name}.cpu_ms", float(np.median([error.cpu_ms for error in every])))


def show_errors(figures: Figures, name: str, errors: list[Errors]) -> None:
    """Print medians and 95th percentiles."""
    if not errors:
        return
    measures = {
        "rotation_deg": [error.rotation_deg for error in errors],
        "focal": [error.focal for error in errors],
        "floor": [error.floor for error in errors],
        "scale": [error.scale for error in errors],
        "floor_in_deviations": [error.floor / error.expected_floor for error in errors],
    }
    for wall in get_args(Wall):
        measures[f"wall.{wall}"] = [e.walls[wall] for e in errors if wall in e.walls] or [math.nan]
    for measure, values in measures.items():
        for part, share in (("median", 0.5), ("p95", 0.95)):
            figures.add(f"{name}.{measure}.{part}", float(np.quantile(values, share)))


def show_real(figures: Figures, model: Path, folder: Path, few: bool) -> None:
    """Draw the sheet of photos of listings, and print what is said of each."""
    from segmenter import peer

    data = DataSettings().studio_data
    if data is None:
        raise SystemExit("set STUDIO_DATA to the folder of photos")
    root, segment, shown = Path(data), peer(model), 0
    folder.mkdir(parents=True, exist_ok=True)
    files = [f for f in sorted((root / "listings").rglob("*.jpg")) if f.stem in REAL_ROOMS]
    small = sorted((root / "rooms/houses/bedroom").glob("*.jpg"))[5::97][:4]
    for file in (files + small)[: 2 if few else None]:
        bgr = cv2.imread(str(file))
        if bgr is None:
            continue
        photo = np.ascontiguousarray(bgr[..., ::-1], np.uint8)
        found = find_room(photo, segment(photo))
        name = f"{file.parent.name}-{file.stem}"
        cv2.imwrite(str(folder / f"{name}.png"), draw_room(photo, found)[..., ::-1])
        figures.say(f"  {name:<24} {', '.join(found.room.doubts) or '-'}")
        shown += 1
    figures.add("real.photos", shown)


def main() -> None:
    """Draw, judge, and print tables and figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--furniture", type=Path, help="folder of a Sweet Home 3D library")
    parser.add_argument("--count", type=int, default=108, help="photos of each set (108)")
    parser.add_argument("--tuned", action="store_true", help="the scenes that were tuned on, too")
    parser.add_argument("--place", choices=get_args(Place), default="corner")
    parser.add_argument("--peer", type=Path, help="ONNX of ADE20K in 32 classes, for real photos")
    parser.add_argument("--out", type=Path, default=ROOT / "out")
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    figures = Figures()
    catalogue = read_catalogue(given.furniture) if given.furniture else None
    count = 4 if given.quick else given.count
    parts: tuple[Part, ...] = ("learned", "unseen") if given.tuned else ("unseen",)
    for part in parts:
        truths = list(photos(part, given.place, count, catalogue, given.out / given.place))
        if truths:
            show_drawn(figures, part, truths)
    if given.peer:
        show_real(figures, given.peer, given.out / "sheet", given.quick)
    figures.print()


if __name__ == "__main__":
    main()
