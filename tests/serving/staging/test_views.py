"""Two photos of one room: the second camera is found where it stands, or nothing is claimed."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.perception.classes import CLASSES
from serving.staging.layout.plan import Placed, Plan
from serving.staging.room import FACES, Box, Camera, Room, faces_of
from serving.staging.views import Shown, View, find_view

SIZE = (300, 450)
LOW, HIGH, TALL_M = np.array([-2.4, -3.0]), np.array([2.6, 2.2]), 2.6  # (x, z) of the walls
_RNG = np.random.default_rng(5)
_WAVES = _RNG.normal(0, 1, (48, 3)) * _RNG.uniform(6, 40, (48, 1))
_PHASES, _TINTS = _RNG.uniform(0, 6.28, 48), _RNG.normal(0, 1, (48, 3))
_NAMES = ("floor", "ceiling", "wall", "wall", "wall")


@dataclass(frozen=True)
class Stand:
    """A camera in the world's room: its place and how far it is turned to the left."""

    x_m: float
    z_m: float
    yaw_deg: float
    height_m: float = 1.4

    @property
    def turns(self) -> int:
        return round(self.yaw_deg / 90)

    def room(self, metres: float = 1.0) -> Room:
        """Return its room, in units of so many metres: what a wrong scale makes of it."""
        west, east = self.x_m - LOW[0], HIGH[0] - self.x_m
        north, south = self.z_m - LOW[1], HIGH[1] - self.z_m
        around = (north, west, south, east)  # ahead after so many quarter turns to the left
        front, left, right = (around[(self.turns + by) % 4] for by in (0, 1, 3))
        own_yaw = self.yaw_deg - 90 * self.turns
        camera = Camera.level(SIZE, 78, self.height_m / metres, own_yaw)
        box = Box(front / metres, left / metres, right / metres, TALL_M / metres)
        return Room(camera, box)

    def shown(self, metres: float = 1.0) -> Shown:
        """Return its photo: a room whose surfaces are nowhere alike."""
        true = self.room()
        rays = true.camera.grid_rays(*SIZE)
        faces, far = faces_of(true.camera, true.box, rays)
        own = rays * far[..., None]
        cos, sin = np.cos(np.pi / 2 * self.turns), np.sin(np.pi / 2 * self.turns)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        points = own @ turn.T + (self.x_m, self.height_m, self.z_m)
        waves = np.sin(points @ _WAVES.T + _PHASES) @ _TINTS
        photo = np.rint(128 + 14 * waves).clip(0, 255).astype(np.uint8)
        table = [CLASSES.index(_NAMES[FACES.index(face)]) for face in FACES]
        return Shown.of(photo, np.array(table, np.uint8)[faces], self.room(metres))


FIRST = Stand(1.2, 1.2, 30)


@pytest.mark.parametrize(
    "second", [Stand(-0.2, 1.5, -5), Stand(1.6, -0.2, 62), Stand(0.4, 1.7, 15, 1.55)]
)
def test_the_second_camera_is_found_where_it_stands(second: Stand) -> None:
    view = find_view(FIRST.shown(), second.shown())
    assert view is not None
    assert view.turns == (second.turns - FIRST.turns) % 4
    off = np.hypot(view.x_m - second.x_m + FIRST.x_m, view.z_m - second.z_m + FIRST.z_m)
    assert off < 0.12
    assert view.scale == pytest.approx(1, abs=0.05)


def test_a_room_of_the_wrong_scale_is_brought_to_the_firsts() -> None:
    second = Stand(-0.2, 1.5, -5)
    view = find_view(FIRST.shown(), second.shown(metres=1.25))
    assert view is not None
    assert view.scale == pytest.approx(1.25, abs=0.06)
    own = view.room(second.room(metres=1.25))
    assert own.camera.height_m == pytest.approx(1.4, abs=0.08)
    assert own.box.front_m == pytest.approx(second.room().box.front_m, rel=0.05)


def test_a_photo_from_the_same_place_is_only_turned() -> None:
    view = find_view(FIRST.shown(), replace(FIRST, yaw_deg=52).shown())
    assert view is not None
    assert (view.turns, round(view.x_m, 2), round(view.z_m, 2)) == (1, 0, 0)


def test_photos_that_show_nothing_in_common_are_no_pair() -> None:
    assert find_view(FIRST.shown(), Stand(-1.2, -2.0, 210).shown()) is None


def test_a_photo_of_another_room_is_no_pair() -> None:
    noise: NDArray[np.uint8] = np.random.default_rng(2).integers(0, 256, (*SIZE, 3), np.uint8)
    own = FIRST.shown()
    assert find_view(own, Shown.of(noise, own.ids, own.room)) is None


def test_a_view_is_the_surer_the_less_of_it_chance_explains() -> None:
    near, far = (
        find_view(FIRST.shown(), one.shown()) for one in (Stand(1.0, 1.1, 25), Stand(-0.2, 1.5, -5))
    )
    assert near is not None
    assert far is not None
    assert 0 < far.confidence < near.confidence <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3), st.tuples(st.floats(-3, 3), st.floats(-3, 3)), st.floats(-180, 179),
    st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
)  # fmt: skip
def test_a_piece_stands_where_it_stood_seen_from_the_other_camera(
    turns: int, at: tuple[float, float], yaw_deg: float, place: tuple[float, float]
) -> None:
    piece = Placed("a", "sofa", *place, yaw_deg, (2.0, 0.8, 0.9))
    view = View(turns, *at, 1.0, 20, 5)
    (moved,) = view.plan(Plan("kit", "living_room", 0, (piece,))).pieces
    cos, sin = np.cos(np.pi / 2 * turns), np.sin(np.pi / 2 * turns)
    turn = np.array([[cos, sin], [-sin, cos]])
    back = moved.footprint() @ turn.T + at
    assert np.allclose(back, piece.footprint(), atol=1e-6)
