"""Photos by cameras of all kinds, with the camera that each was taken by: truth for geometry."""

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic.catalogue import Catalogue
from synthetic.raycast.caster import Floats
from synthetic.raycast.render import SeenRoom, Shooting, draw_views
from synthetic.raycast.rooms import DrawnScene, design_scene, furniture_of
from synthetic.raycast.variation import Indoors, Random, View, draw_indoors
from synthetic.scene import Camera, Scene

Place = Literal["corner", "anywhere"]
HFOV_DEG = (50.0, 100.0)
PITCH_DEG, ROLL_DEG = (-3.0, 4.0), (0.0, 1.2)  # mean and standard deviation
SHIFT = 0.06  # of width and height, at most: what cropping and shift lenses do
_CORNER_M, _AIM_DEG = (0.3, 0.9), 8.0
_NOISE, _QUALITY = 2.0, 88  # levels, and of JPEG
_EXTERIORS_EVERY = 12
_FINER = 1.5  # so many rays for a pixel's width


def stand_in_corner(size_m: Floats, rng: Random) -> View:
    """Return a camera as who photographs homes holds it: in a corner, towards the room's middle."""
    off, corner = rng.uniform(*_CORNER_M, 2), rng.integers(0, 2, 2)
    x, z = np.where(corner == 1, size_m[[0, 2]] - off, off)
    aim = size_m[[0, 2]] / 2 - (x, z)
    yaw_deg = float(np.degrees(np.arctan2(aim[0], aim[1])) + rng.normal(0, _AIM_DEG))
    height = float(np.clip(rng.normal(1.4, 0.15), 1.0, 1.8))
    return _any_lens(Camera((float(x), height, float(z)), yaw_deg), rng)


def stand_anywhere(size_m: Floats, rng: Random) -> View:
    """Return a camera anywhere in a room, that looks anywhere inwards."""
    return _any_lens(draw_indoors(size_m, rng).camera, rng)


def _any_lens(camera: Camera, rng: Random) -> View:
    """Return a view of any width, tilted, its optical centre off both ways."""
    hfov, rise, shift = rng.uniform(*HFOV_DEG), *rng.uniform(-SHIFT, SHIFT, 2)
    camera = Camera(camera.position, camera.yaw_deg, float(hfov), float(rise))
    return View(camera, float(rng.normal(*PITCH_DEG)), float(rng.normal(*ROLL_DEG)), float(shift))


def numbers_of(count: int) -> list[int]:
    """Return numbers of the first scenes indoors.

    Examples
    --------
    >>> numbers_of(12)[-2:]
    [10, 12]
    """
    indoors = (n for n in range(2 * count + 2) if n % _EXTERIORS_EVERY != _EXTERIORS_EVERY - 1)
    return list(indoors)[:count]


def photograph(
    drawn: DrawnScene, catalogue: Catalogue, size: tuple[int, int], place: Place
) -> SeenRoom:
    """Return one photo of a scene, with grain and the marks of JPEG.

    Parameters
    ----------
    size : (width, height) in pixels
    place : where the camera stands
    """
    own = furniture_of(catalogue, drawn.part)
    stand = stand_in_corner if place == "corner" else stand_anywhere
    return next(photographs(design_scene(drawn, own), own, size, 1, drawn.seed, stand))


def photographs(
    scene: Scene, catalogue: Catalogue, size: tuple[int, int], count: int, seed: int, stand: Indoors
) -> Iterator[SeenRoom]:
    """Yield some photos of a room, with grain and the marks of JPEG.

    Parameters
    ----------
    stand : draws a camera
    """
    large = round(size[0] * _FINER), round(size[1] * _FINER)
    how = Shooting(stand, 1, scattered=True)
    for seen in draw_views(scene, catalogue, large, count, seed, how):
        yield _shrunk(seen, size, seed)


def _shrunk(seen: SeenRoom, size: tuple[int, int], seed: int) -> SeenRoom:
    large = seen.photo.shape[1], seen.photo.shape[0]
    photo = np.asarray(cv2.resize(seen.photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = (
        ((np.arange(small) + 0.5) * of / small).astype(np.int64)
        for small, of in ((size[1], large[1]), (size[0], large[0]))
    )
    kept = np.ix_(rows, columns)
    depth, classes, planes = seen.depth_m[kept], seen.classes[kept], seen.planes[kept]
    photo = _developed(photo, seed)
    return SeenRoom(photo, depth, classes, planes, seen.view, seen.size_m)


def _developed(photo: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    grain = np.random.default_rng((seed, 7)).normal(0, _NOISE, photo.shape)
    noisy = np.rint(photo + grain).clip(0, 255).astype(np.uint8)
    file = cv2.imencode(".jpg", noisy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def rotation_of(view: View) -> NDArray[np.float64]:
    """Return what brings a direction of the world to the camera: x right, y down, z ahead."""
    flip = np.diag([-1.0, -1.0, 1.0])
    rotation: NDArray[np.float64] = flip @ view.turn.T
    return rotation
