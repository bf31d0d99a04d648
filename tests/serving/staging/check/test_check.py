from dataclasses import dataclass, replace

import numpy as np

from serving.perception.classes import CLASSES
from serving.staging.check.check import check_furnished
from serving.staging.furnish.furnish import Furnished, furnish
from serving.staging.furnish.scene import Crop, Effort, Layers, Scene, Standing
from serving.staging.layout.plan import Placed
from serving.staging.room import Ids, Room
from serving.staging.things import Look, Model, Part
from tests.serving.staging.sample_kit import sample_room

Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
PLACE = Placed("block", "sofa", 0.3, -3.4, 0.0, (1.0, 0.6, 0.8))


def block() -> Standing:
    """Return the feet of a block: all that is looked at of its mesh."""
    feet = np.array([[x, 0, z] for x in (-0.5, 0.5) for z in (-0.4, 0.4)], np.float32)
    part = Part(
        feet, np.tile(np.array([0, 1, 0], np.float32), (4, 1)), np.zeros((4, 2), np.float32),
        np.array([[0, 1, 2]], np.uint32), Look((0.4, 0.4, 0.4)),
    )  # fmt: skip
    return Standing(Model("block", PLACE.size_m, (part,)), PLACE)


@dataclass(frozen=True)
class Drawn:
    """Draws the box around each thing, and a shadow around it."""

    raised_px: int = 0
    dark: float = 0.6

    def __call__(self, scene: Scene, crop: Crop, _effort: Effort) -> Layers:
        shape = crop.size
        cover, light = np.zeros(shape, np.float32), np.full((*shape, 3), 0.5, np.float32)
        for thing in scene.things:
            pixels = scene.room.camera.project(thing.place.corners()) - (crop.left, crop.top)
            left, top = np.rint(pixels.min(axis=0)).astype(int).clip(0)
            right, bottom = np.rint(pixels.max(axis=0)).astype(int)
            cover[top : bottom - self.raised_px, left:right] = 1
            light[top : bottom + 6, max(left - 4, 0) : right + 4] *= self.dark
        far = np.where(cover > 0, 3.0, np.inf).astype(np.float32)
        flat = np.full((*shape, 3), 0.5, np.float32)
        return Layers(light, flat, cover, far, flat, flat)


def made(raised_px: int = 0, dark: float = 0.6) -> tuple[Picture, Ids, Room, Furnished]:
    room, ids = sample_room()
    photo = np.full((200, 300, 3), 170, np.uint8)
    done = furnish(photo, ids, room, (block(),), Drawn(raised_px, dark))
    return photo, ids, room, done


def test_furniture_that_stands_in_its_shadow_passes() -> None:
    photo, ids, room, done = made()
    found = check_furnished(photo, ids, room, (block(),), done)
    assert max(found.contact_px.values()) < 4
    assert max(found.shadow.values()) < 0.9
    assert found.outside_changed == 0
    assert 0 < found.share_changed < 0.5
    assert not found.needs_review


def test_furniture_that_floats_is_told() -> None:
    photo, ids, room, done = made(raised_px=3)
    found = check_furnished(photo, ids, room, (block(),), done)
    assert "floating" in found.reasons
    assert found.needs_review


def test_furniture_without_shadow_is_told() -> None:
    photo, ids, room, done = made(dark=1.0)
    found = check_furnished(photo, ids, room, (block(),), done)
    assert "no_shadow" in found.reasons


def test_a_pixel_changed_outside_of_the_mask_is_found() -> None:
    photo, ids, room, done = made()
    picture = done.picture.copy()
    picture[5, 5] = 0
    found = check_furnished(photo, ids, room, (block(),), replace(done, picture=picture))
    assert found.outside_changed == 1
    assert found.score == 0


def test_no_shadow_falls_on_a_window() -> None:
    room, ids = sample_room()
    ids = ids.copy()
    ids[110:, 100:] = CLASSES.index("window")
    photo = np.full((200, 300, 3), 170, np.uint8)
    done = furnish(photo, ids, room, (block(),), Drawn())
    assert check_furnished(photo, ids, room, (block(),), done).protected_changed == 0
