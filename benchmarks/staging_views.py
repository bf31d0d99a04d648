"""How often the second camera of two photos of a room is found, and how often wrongly claimed.

Rooms drawn by rays with furniture and seeds that nothing was tuned on, each photo in a light of
its own: one camera in a corner as those of staging_geometry.py, the others 1.1 to 2 m from it and
turned by 10 to 37 degrees against it; pairs whose second photo shows 30 to 75 % of the first.
Rooms are found by `serving.staging.geometry` with the true map of classes; pairs with a room that
is refused are left out and counted. Right: rotation within 2 degrees and direction of translation
within 5. Length: of the translation, as a share. Also: photos of two different rooms, of which none
may be taken for a pair.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from figures import Figures, parse
from numpy.typing import NDArray

from serving.staging.geometry.find import find_room
from serving.staging.room import Camera
from serving.staging.views import Shown, View, find_view, quarter_turn
from synthetic.catalogue import Catalogue, read_catalogue
from synthetic.raycast.cameras import numbers_of, photographs, rotation_of, stand_in_corner
from synthetic.raycast.caster import Floats as Floats32
from synthetic.raycast.render import SeenRoom
from synthetic.raycast.rooms import DrawnScene, design_scene, furniture_of
from synthetic.raycast.variation import Random
from synthetic.raycast.variation import View as CameraView
from synthetic.scene import CATEGORIES
from training.segmenter.mapping import of_synthetic

SIZE = (720, 480)
_VIEWS = 4
_OVERLAP = 0.3, 0.75
_SAME_M = 0.2
_APART_M, _TURNED_DEG, _PLACES = (1.1, 2.0), (10.0, 37.0), 20
_FIRST = 900  # scenes of their own
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Photo:
    """A drawn photo, what is found in it, and what is true."""

    shown: Shown
    refused: bool
    seen: SeenRoom

    @property
    def rotation(self) -> Floats:
        """Return what brings directions of the world to the camera."""
        return rotation_of(self.seen.view)

    @property
    def position(self) -> Floats:
        """Return where the camera stands in the world."""
        return np.array(self.seen.view.camera.position)


def photos_of(number: int, catalogue: Catalogue) -> list[Photo]:
    """Return some photos of a room."""
    drawn = DrawnScene("unseen", number)
    own = furniture_of(catalogue, drawn.part)
    near = _Near()
    photos: list[Photo] = []
    for seen in photographs(design_scene(drawn, own), own, SIZE, _VIEWS, drawn.seed, near):
        near.first = near.first or seen.view
        photos.append(_photo(seen))
    return photos


class _Near:
    """Draws cameras: the first in a corner, the others near it."""

    def __init__(self) -> None:
        self.first: CameraView | None = None

    def __call__(self, size_m: Floats32, rng: Random) -> CameraView:
        view = stand_in_corner(size_m, rng)
        if self.first is None:
            return view
        own = self.first.camera
        x, _, z = own.position
        for _ in range(_PLACES):
            away, heading = rng.uniform(*_APART_M), rng.uniform(0, 2 * np.pi)
            place = x + away * np.sin(heading), z + away * np.cos(heading)
            if all(0.25 < at < size_m[axis] - 0.25 for axis, at in zip((0, 2), place, strict=True)):
                break
        turned = own.yaw_deg + rng.choice((-1, 1)) * rng.uniform(*_TURNED_DEG)
        camera = replace(
            view.camera, yaw_deg=float(turned), hfov_deg=own.hfov_deg,
            position=(float(place[0]), view.camera.position[1], float(place[1])),
        )  # fmt: skip
        return replace(view, camera=camera)


def _photo(seen: SeenRoom) -> Photo:
    ids = of_synthetic(CATEGORIES)[seen.classes]
    found = find_room(seen.photo, ids)
    return Photo(Shown.of(seen.photo, ids, found.room), bool(found.refusals), seen)


def overlap(first: Photo, second: Photo) -> float:
    """Return the share of the first photo that the second shows, too."""
    width, height = SIZE
    rays = first.seen.view.rays(width, height).reshape(height, width, 3)[::8, ::8]
    depth = first.seen.depth_m[::8, ::8]
    points = rays * depth[..., None] + first.position
    seen = (points - second.position) @ second.rotation.T
    camera = _true_camera(second)
    pixels = seen[..., :2] / np.maximum(seen[..., 2:], 1e-6) * camera.focal_px + camera.centre_px
    inside = (seen[..., 2] > 0.1) & (pixels >= 0).all(axis=-1) & (pixels < SIZE).all(axis=-1)
    at = pixels.astype(int).clip(0, (width - 1, height - 1))
    same = np.abs(second.seen.depth_m[at[..., 1], at[..., 0]] - seen[..., 2]) < _SAME_M
    return float((inside & same).mean())


def _true_camera(photo: Photo) -> Camera:
    view, (width, height) = photo.seen.view, SIZE
    focal = width / 2 / np.tan(np.radians(view.camera.hfov_deg) / 2)
    centre = width * (0.5 + view.shift), height * (0.5 + view.camera.rise)
    return Camera((height, width), float(focal), centre, photo.rotation, 1.0)


def pairs_of(photos: list[Photo]) -> Iterator[tuple[Photo, Photo]]:
    """Yield pairs of one room that show enough of the same."""
    for first, second in ((photos[0], other) for other in photos[1:]):
        if _OVERLAP[0] <= overlap(first, second) <= _OVERLAP[1]:
            yield first, second


def errors_of(first: Photo, second: Photo, view: View) -> tuple[float, float, float]:
    """Return errors of rotation and direction, degrees, and of length, a share."""
    own, other = first.shown.room.camera, view.room(second.shown.room).camera
    between = other.rotation @ quarter_turn(view.turns).T @ own.rotation.T
    true = second.rotation @ first.rotation.T
    rotation = np.degrees(np.arccos(np.clip((np.trace(between.T @ true) - 1) / 2, -1, 1)))
    way = own.rotation @ (view.x_m, other.height_m - own.height_m, view.z_m)
    wanted = first.rotation @ (second.position - first.position)
    lengths = np.linalg.norm(way), np.linalg.norm(wanted)
    cosine = way @ wanted / max(float(lengths[0] * lengths[1]), 1e-9)
    # the first room's metres are a guess: its camera's height says by how much
    metres = first.position[1] / own.height_m
    length = abs(float(lengths[0] * metres / lengths[1]) - 1)
    return float(rotation), float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))), length


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--furniture", type=Path, required=True, help="Sweet Home 3D library")
    parser.add_argument("--rooms", type=int, default=20, help="default: %(default)s")
    asked, figures = parse(__doc__, parser), Figures()
    catalogue = read_catalogue(asked.furniture)
    count = 3 if asked.quick else asked.rooms
    rooms = [photos_of(_FIRST + number, catalogue) for number in numbers_of(count)]
    found, missed, refused = [], 0, 0
    for number, photos in enumerate(rooms):
        for first, second in pairs_of(photos):
            if first.refused or second.refused:
                refused += 1
                continue
            view = find_view(first.shown, second.shown)
            if view is None:
                missed += 1
                figures.say(f"room {number}: not found")
                continue
            found.append(errors_of(first, second, view))
            rotation, direction, length = found[-1]
            figures.say(
                f"room {number}: {rotation:.2f} and {direction:.1f} degrees, length {length:.1%}, "
                f"{view.agreed} matches"
            )
    others = [
        find_view(one.shown, other.shown)
        for first, second in pairwise(rooms)
        for one, other in zip(first, second, strict=True)
    ]
    errors = np.array(found).reshape(-1, 3)
    right = (errors[:, 0] < 2) & (errors[:, 1] < 5)
    figures.add("views.pairs", len(found) + missed)
    figures.add("views.left_out", refused)
    figures.add("views.right_share", float(right.sum()) / max(len(found) + missed, 1))
    figures.add("views.wrong", int((~right).sum()))
    figures.add("views.rotation_deg_median", float(np.median(errors[:, 0])))
    figures.add("views.direction_deg_median", float(np.median(errors[:, 1])))
    figures.add("views.length_median", float(np.median(errors[:, 2])))
    figures.add("views.of_other_rooms", len(others))
    figures.add("views.of_other_rooms_claimed", sum(view is not None for view in others))
    figures.print()


if __name__ == "__main__":
    main()
