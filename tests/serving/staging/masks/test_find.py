"""What is taken away is furniture, whole and with its shadow; what belongs to the house stays."""

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.masks import find_removal, movable_in
from serving.staging.masks.shadows import dark_rim, find_shadows
from serving.staging.masks.shapes import close_gaps, drop_specks, narrow, widen
from serving.staging.planes import seen_opening
from serving.staging.room import Opening, Room
from tests.drawn_box import draw_box, put

BOX = draw_box()
LIVING = movable_in("living_room")
ROWS, COLUMNS = slice(150, 232), slice(120, 230)


def test_all_of_a_thing_is_found_with_a_margin() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "sofa")
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert found.mask[148:234, 118:232].all()
    assert not found.mask[:100].any()
    assert found.share == pytest.approx(82 * 110 / ids.size, rel=0.1)
    assert found.worthwhile


def test_what_the_map_lacks_of_a_thing_is_found_by_its_colour() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "sofa")
    ids[ROWS, 222:230] = BOX.ids[ROWS, 222:230]
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert found.mask[155:228, 222:229].mean() > 0.95


def test_a_lamp_on_a_table_goes_with_it_though_the_map_calls_it_wall() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "table")
    photo[128:149, 170:178] = (60, 50, 40)
    photo[100:106, 300:306] = (60, 50, 40)  # a socket that touches nothing
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert found.mask[128:149, 170:178].all()
    assert not found.mask[98:108, 298:308].any()


def test_a_pale_shade_above_a_table_goes_with_it_and_a_pale_patch_elsewhere_stays() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "table")
    shade, patch = (slice(112, 134), slice(165, 185)), (slice(60, 82), slice(165, 185))
    for place in (shade, patch):
        photo[place] = photo[place] * 0.87
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert found.mask[shade].all()
    assert not found.mask[patch].any()


def test_a_post_that_the_map_calls_curtain_goes_with_its_furniture() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "cabinet")
    curtain, post = (slice(80, 150), slice(150, 230)), (slice(110, 150), slice(180, 195))
    photo[curtain], ids[curtain] = (170, 165, 150), CLASSES.index("curtain")
    photo[curtain][:, ::6] = (110, 106, 96)  # folds
    photo[post] = (150, 80, 40)
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert found.mask[112:150, 182:193].all()
    assert not found.mask[85:140, 200:228].any()
    assert not found.mask[85:100, 152:228].any()


def test_a_window_behind_a_thing_is_never_part_of_the_mask() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "sofa")
    ids[110:149, 130:220] = CLASSES.index("window")
    found = find_removal(photo, ids, LIVING)
    assert not found.mask[110:149, 130:220].any()
    assert found.protected[115:145, 135:215].all()


def test_the_openings_of_the_room_are_protected_where_the_map_misses_them() -> None:
    door = Opening("front", "door", 0.5, 1.4, 0.0, 2.0)
    room = Room(BOX.room.camera, BOX.room.box, (door,))
    photo, ids = put(BOX, ROWS, COLUMNS, "sofa")
    found = find_removal(photo, ids, LIVING, room)
    seen = narrow(seen_opening(door, room, room.camera), 2) & (ids != CLASSES.index("sofa"))
    assert seen.any()
    assert not (found.mask & seen).any()


@pytest.mark.parametrize(("room_type", "gone"), [("kitchen", False), ("bedroom", True)])
def test_cabinets_stay_where_they_are_fitted(room_type: str, gone: bool) -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "cabinet")
    assert find_removal(photo, ids, movable_in(room_type), BOX.room).mask.any() == gone


def test_people_are_never_taken_away() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "person")
    found = find_removal(photo, ids, LIVING, BOX.room)
    assert not found.worthwhile
    assert found.protected[ROWS, COLUMNS].mean() > 0.95


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(BadInput, match="map"):
        find_removal(BOX.photo, BOX.ids[:-1], LIVING)


def test_masks_are_found_twice_the_same() -> None:
    photo, ids = put(BOX, ROWS, COLUMNS, "chair")
    one, two = (find_removal(photo, ids, LIVING, BOX.room) for _ in range(2))
    assert (one.mask == two.mask).all()
    assert (one.shadow == two.shadow).all()


def shaded(factor: float) -> tuple[Image, NDArray[np.bool_], NDArray[np.float64]]:
    """Return a photo with something dark around a mask, that mask, and how dark."""
    photo = BOX.photo.copy()
    photo[BOX.seen.on("floor")] = (130, 124, 112)
    mask = np.zeros(BOX.ids.shape, bool)
    mask[180:215, 130:230] = True
    y, x = np.mgrid[0:240, 0:360]
    far = np.hypot(y - 215, (x - 180) / 2)
    dark = np.clip((45 - far) / 30, 0, 1) * factor * BOX.seen.on("floor")
    return (photo * (1 - dark[..., None])).astype(np.uint8), mask, dark


def test_a_soft_shadow_beside_the_mask_is_found() -> None:
    photo, mask, dark = shaded(0.4)
    found = find_shadows(photo, mask, BOX.ids, BOX.room).soft
    assert found[(dark > 0.25) & ~mask].mean() > 0.6
    assert found[~widen((dark > 0) | mask, 6)].max() < 0.05


def test_without_a_shadow_none_is_found() -> None:
    photo, mask, _ = shaded(0.0)
    assert find_shadows(photo, mask, BOX.ids, BOX.room).soft.max() == 0


def test_something_dark_of_another_hue_is_no_shadow() -> None:
    photo, mask, dark = shaded(0.4)
    red = photo.copy()
    red[dark > 0.1] = (90, 20, 20)
    assert find_shadows(red, mask, BOX.ids, BOX.room).soft.max() == 0


def test_floor_that_a_thing_shades_goes_with_it_and_other_floor_does_not() -> None:
    photo, mask, _ = shaded(0.0)
    assert not dark_rim(photo, mask, BOX.ids).any()
    strip = widen(mask, 6) & ~mask & BOX.seen.on("floor")
    photo[strip] = photo[strip] // 2
    found = dark_rim(photo, mask, BOX.ids)
    assert found[strip].mean() > 0.9
    assert not found[~widen(mask, 10)].any()


def test_gaps_and_holes_are_closed_and_specks_dropped() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:28] = mask[10:50, 32:50] = True
    mask[2, 2] = True
    closed = close_gaps(drop_specks(mask, 5), 3, 30)
    assert closed[20:40, 28:32].all()
    assert not closed[2, 2]
