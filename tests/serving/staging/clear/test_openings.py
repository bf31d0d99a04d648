"""What stood before a door, a window or a curtain is gone, and the opening is whole again."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES, Class
from serving.staging.clear import Gone, clear_room
from serving.staging.clear.openings import upright_of
from serving.staging.masks import find_removal, movable_in
from serving.staging.masks.shapes import narrow, widen
from serving.staging.planes import seen_opening
from serving.staging.room import Camera, Opening, Room
from tests.drawn_box import draw_box

BOX = draw_box()
ROWS, COLUMNS = slice(120, 232), slice(150, 215)  # of what stands before the opening
WINDOW = Opening("front", "window", -0.9, 0.5, 0.8, 2.0)
DOOR = Opening("front", "door", -0.9, 0.5, 0.0, 2.0)


@dataclass(frozen=True)
class Before:
    """A room with an opening, and the same with a thing before it."""

    truth: Image
    photo: Image
    ids: NDArray[np.uint8]
    room: Room
    opening: NDArray[np.bool_]


def furnished(opening: Opening, kind: Class, known: bool = True) -> Before:
    """Draw an opening with bars that run down, and a thing before its lower part."""
    room = Room(BOX.room.camera, BOX.room.box, (opening,) if known else ())
    within = seen_opening(opening, room, room.camera)
    truth, ids = BOX.photo.copy(), BOX.ids.copy()
    bars = (np.arange(truth.shape[1]) // 7) % 2 * 90
    truth[within] = (40 + bars[None, :, None] + np.zeros((*ids.shape, 3), int))[within]
    ids[within] = CLASSES.index(kind)
    photo = truth.copy()
    photo[ROWS, COLUMNS], ids[ROWS, COLUMNS] = (150, 30, 25), CLASSES.index("bed")
    return Before(truth, photo, ids, room, within)


def error(made: Image, before: Before, where: NDArray[np.bool_]) -> float:
    return float(np.abs(made[where].astype(int) - before.truth[where]).mean())


@pytest.mark.parametrize(("opening", "kind"), [(WINDOW, "window"), (DOOR, "door")])
def test_an_opening_goes_on_behind_what_stood_before_it(opening: Opening, kind: Class) -> None:
    before = furnished(opening, kind)
    mask = before.ids == CLASSES.index("bed")
    done = clear_room(before.photo, Gone(widen(mask, 2)), before.ids, before.room)
    hidden = narrow(before.opening & mask, 4)
    assert hidden.sum() > 1000
    assert error(done.photo, before, hidden) < 12
    assert (done.openings[hidden] == CLASSES.index(kind)).all()
    wall = narrow(mask & BOX.seen.on("front") & ~widen(before.opening, 3), 3)
    assert not done.openings[wall].any()
    assert kind == "door" or error(done.photo, before, wall) < 12, "below the sill is wall"


def test_a_curtain_ends_where_curtains_are_seen_to_end() -> None:
    before = furnished(WINDOW, "curtain", known=False)
    mask = before.ids == CLASSES.index("bed")
    done = clear_room(before.photo, Gone(mask), before.ids, before.room)
    heights = BOX.seen.points[..., 1][done.openings > 0]
    assert heights.min() == pytest.approx(0.8, abs=0.1)


def test_a_window_that_is_not_seen_above_is_not_made_up() -> None:
    before = furnished(WINDOW, "window")
    ids, mask = before.ids.copy(), np.zeros(before.ids.shape, bool)
    mask[60:232, COLUMNS] = True
    ids[60:232, COLUMNS] = CLASSES.index("bed")
    done = clear_room(before.photo, Gone(mask), ids, before.room)
    assert not done.openings.any()


def test_a_strip_of_an_opening_above_a_thing_goes_with_it_and_no_more() -> None:
    before = furnished(WINDOW, "window")
    found = find_removal(before.photo, before.ids, movable_in("bedroom"), before.room)
    visible = before.ids == CLASSES.index("window")
    taken = found.mask & visible
    assert taken[ROWS.start - 2, 155:210].all()
    assert not (taken & ~widen(before.ids == CLASSES.index("bed"), 4)).any()


def test_a_picture_held_upright_keeps_its_verticals_as_columns() -> None:
    level = Camera.level((240, 360), 75.0, 1.4)
    tilt = np.radians(12.0)
    turn = np.array([
        [1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)],
    ])  # fmt: skip
    camera = Camera(level.size, level.focal_px, level.centre_px, turn @ level.rotation, 1.4)
    edge = camera.project(np.array([[1.0, 0.4, -4.0], [1.0, 2.0, -4.0]])) - 0.5
    assert abs(edge[0, 0] - edge[1, 0]) > 3
    seen = np.column_stack([edge, np.ones(2)]) @ upright_of(camera).T
    x, y = (seen[:, :2] / seen[:, 2:]).T
    assert x[0] == pytest.approx(x[1], abs=0.05)
    assert y[1] < y[0]
