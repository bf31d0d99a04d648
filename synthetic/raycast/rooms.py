"""Rooms with their depth, each scene by its number: which furniture it may hold, and its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic.build import ROOM_TYPES, build_scene
from synthetic.catalogue import Catalogue
from synthetic.files import write_photo
from synthetic.palette import choose_palette
from synthetic.raycast.render import SeenRoom, draw_views
from synthetic.raycast.suite import join_rooms
from synthetic.scene import Scene

Part = Literal["learned", "unseen"]
SIZE = (256, 192)
_INDOORS = tuple(kind for kind in ROOM_TYPES if kind != "exterior")
_OUTDOORS_EVERY = 12  # scenes
_UNSEEN_EVERY = 3  # models of the catalogue, by name
_JOINED = 0.35  # of the rooms open into another
_MOST_MM = 65535


@dataclass(frozen=True)
class DrawnScene:
    """A scene by its number: the same on every machine.

    Attributes
    ----------
    part : `learned` and `unseen` share no furniture of the catalogue and no number
    number : of the scene
    views : pictures of it
    """

    part: Part
    number: int
    views: int = 3

    @property
    def kind(self) -> str:
        """The type of room."""
        if self.number % _OUTDOORS_EVERY == _OUTDOORS_EVERY - 1:
            return "exterior"
        return _INDOORS[self.number % len(_INDOORS)]

    @property
    def seed(self) -> int:
        """Of all that is drawn."""
        return self.number * 2 + (self.part == "unseen")

    def name(self, view: int) -> str:
        """Return the name of one of its pictures."""
        return f"{self.part}-{self.number:05d}-{view}"

    def draw(self, catalogue: Catalogue) -> Iterator[SeenRoom]:
        """Yield its pictures."""
        own = furniture_of(catalogue, self.part)
        scene = design_scene(self, own)
        yield from draw_views(scene, own, SIZE, self.views, self.seed)


def furniture_of(catalogue: Catalogue, part: Part) -> Catalogue:
    """Return the models that a part's rooms may hold: every third, by name, is only in `unseen`.

    What has no model is built from boards, and is alike in both.

    Examples
    --------
    >>> models = dict.fromkeys(("bed", "chair", "sofa", "table"))
    >>> sorted(furniture_of(models, "learned")), sorted(furniture_of(models, "unseen"))
    (['chair', 'sofa'], ['bed', 'table'])
    """
    unseen = sorted(catalogue)[::_UNSEEN_EVERY]
    return {name: catalogue[name] for name in catalogue if (name in unseen) == (part == "unseen")}


def design_scene(drawn: DrawnScene, catalogue: Catalogue) -> Scene:
    """Return the room of a scene, open into another now and then."""
    rng = np.random.default_rng((drawn.seed, 31))
    scene = build_scene(drawn.kind, drawn.seed, catalogue, choose_palette(drawn.seed))
    if scene.room is None or rng.random() >= _JOINED:
        return scene
    other = _INDOORS[int(rng.integers(len(_INDOORS)))]
    home = choose_palette(drawn.seed)
    return join_rooms(scene, build_scene(other, drawn.seed + 1_000_000, catalogue, home), rng)


def write_views(drawn: DrawnScene, catalogue: Catalogue, folder: Path) -> None:
    """Write a scene's pictures, each as `NAME.jpg`, and `NAME-(depth|planes|classes).png`.

    Depth is 16-bit millimetres, 65535 where it is farther or the sky; planes are numbers of flat
    parts of the shell and classes places in CATEGORIES, as `SeenRoom` has them. What is there is
    kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = drawn.name(drawn.views - 1)
    if all((folder / f"{last}{end}").is_file() for end in (".jpg", "-classes.png")):
        return
    for view, seen in enumerate(drawn.draw(catalogue)):
        name = drawn.name(view)
        cv2.imwrite(str(folder / f"{name}-depth.png"), to_millimetres(seen.depth_m))
        cv2.imwrite(str(folder / f"{name}-planes.png"), seen.planes)
        cv2.imwrite(str(folder / f"{name}-classes.png"), seen.classes)
        write_photo(folder / f"{name}.jpg", seen.photo)


def to_millimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return whole millimetres, 65535 for all that is farther."""
    steps: NDArray[np.uint16] = np.rint((depth_m * 1000).clip(0, _MOST_MM)).astype(np.uint16)
    return steps
