import hashlib

import numpy as np
import pytest

from serving.render.rooms import film, rays
from serving.render.rooms.engine import is_fast
from serving.render.rooms.grid import Grid
from serving.render.rooms.renderer import PathTracer
from serving.render.rooms.shapes import shapes_of
from serving.staging.furnish.furnish import furnish
from serving.staging.furnish.scene import Crop, Effort, Emitter, Layers, Lighting, Scene, Standing
from serving.staging.layout.plan import Placed
from serving.staging.room import Camera, Room
from serving.staging.things import Look, Model, Part
from tests.serving.staging.sample_kit import sample_room

pytest.importorskip("mitsuba")
pytest.importorskip("pyoidn")


def block(width: float = 1.0, height: float = 0.6, depth: float = 0.8) -> Model:
    """Return a grey block."""
    half = np.array([width / 2, height, depth / 2])
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (0, 1) for z in (-1, 1)]) * half
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    vertices: list[np.ndarray] = []
    normals: list[np.ndarray] = []
    faces: list[tuple[int, int, int]] = []
    for side in sides:
        p = corners[list(side)]
        normal = np.cross(p[1] - p[0], p[2] - p[0])
        at = len(vertices)
        vertices += list(p)
        normals += [normal / np.linalg.norm(normal)] * 4
        faces += [(at, at + 1, at + 2), (at, at + 2, at + 3)]
    part = Part(
        np.array(vertices, np.float32), np.array(normals, np.float32),
        np.zeros((24, 2), np.float32), np.array(faces, np.uint32), Look((0.4, 0.3, 0.2)),
    )  # fmt: skip
    return Model("block", (width, height, depth), (part,))


def standing() -> Standing:
    return Standing(block(), Placed("block", "sofa", 0.3, -3.4, 20, (1.0, 0.6, 0.8)))


def traced(camera: Camera, crop: Crop) -> Layers:
    room, _ = sample_room()
    glow = np.array([[-1.5, 2.55, -4], [2, 2.55, -4], [2, 2.55, 1], [-1.5, 2.55, 1.0]])
    light = Lighting((0.4,) * 3, (0.6,) * 3, (0.8,) * 3, (Emitter(glow, (1.0,) * 3),))
    scene = Scene(Room(camera, room.box), light, (standing(),))
    return PathTracer()(scene, crop, Effort(scale=0.7, samples=2))


@pytest.mark.slow
@pytest.mark.parametrize("centre", [(150.0, 100.0), (141.5, 118.0)])
def test_light_and_cover_are_seen_through_the_same_camera(centre: tuple[float, float]) -> None:
    level = Camera.level((200, 300), 80, 1.45, 12)
    camera = Camera(level.size, level.focal_px, centre, level.rotation, level.height_m)
    layers = traced(camera, Crop(60, 60, 290, 200))
    covered = layers.cover > 0.5
    shown = np.abs(layers.albedo - (0.4, 0.3, 0.2)).max(axis=2) < 0.05
    assert (covered == shown).mean() > 0.985
    corners = camera.project(standing().place.corners()) - (60, 60)
    rows, columns = np.nonzero(layers.cover)
    assert columns.min() == pytest.approx(corners[:, 0].min(), abs=1.5)
    assert columns.max() == pytest.approx(corners[:, 0].max(), abs=1.5)
    assert rows.max() == pytest.approx(min(corners[:, 1].max(), 139), abs=1.5)
    assert layers.furnished.shape == layers.empty.shape == (140, 230, 3)


@pytest.mark.slow
def test_furniture_stands_on_a_shadow_and_nothing_else_changes() -> None:
    room, ids = sample_room()
    photo = np.full((200, 300, 3), 170, np.uint8)
    done = furnish(photo, ids, room, (standing(),), PathTracer(), Effort(samples=2))
    assert (done.picture[~done.changed] == photo[~done.changed]).all()
    assert 0.02 < done.changed.mean() < 0.5
    shadow = done.changed & (done.cover == 0)
    assert done.picture[shadow].min() < 0.9 * 170
    again = furnish(photo, ids, room, (standing(),), PathTracer(), Effort(samples=2))
    digests = {hashlib.sha256(one.picture.tobytes()).hexdigest() for one in (done, again)}
    assert len(digests) == 1


@pytest.mark.slow
def test_no_line_is_seen_where_the_floor_meets_the_walls() -> None:
    """Without furniture the room with it and the room without are the same room."""
    room, _ = sample_room()
    glow = np.array([[-1.9, 2.58, -4.7], [2.5, 2.58, -4.7], [2.5, 2.58, 1.5], [-1.9, 2.58, 1.5]])
    light = Lighting((0.3, 0.2, 0.1), (0.7,) * 3, (0.8,) * 3, (Emitter(glow, (1.0,) * 3),))
    room = Room(room.camera.scaled((600, 900)), room.box)
    crop = Crop(200, 300, 600, 560)
    layers = PathTracer()(Scene(room, light, ()), crop, Effort(samples=16))
    ratio = layers.furnished / np.maximum(layers.empty, 1e-3)
    assert np.abs(np.median(ratio) - 1) < 0.05
    assert np.quantile(np.abs(ratio - 1), 0.99) < 0.15
    assert (layers.cover == 0).all()


@pytest.mark.slow
def test_rays_of_our_own_see_what_a_film_sees() -> None:
    if not is_fast():
        pytest.skip("needs a libLLVM that is new enough")
    level = Camera.level((120, 180), 75, 1.45, 10)
    camera = Camera(level.size, level.focal_px, (83.0, 66.0), level.rotation, level.height_m)
    room, _ = sample_room()
    glow = np.array([[-1.5, 2.55, -4], [2, 2.55, -4], [2, 2.55, 1], [-1.5, 2.55, 1.0]])
    light = Lighting((0.4,) * 3, (0.6,) * 3, (0.8,) * 3, (Emitter(glow, (1.0,) * 3),))
    shown = shapes_of(Scene(Room(camera, room.box), light, (standing(),)), True)
    grid = Grid.over(Crop(20, 30, 170, 115), 0.7)
    seen = [how.trace(shown, {"type": "path", "max_depth": 3}, camera, grid, 16, 0)
            for how in (rays, film)]  # fmt: skip
    for ours, theirs in zip(*seen, strict=True):
        assert ours.shape == theirs.shape
        assert abs(ours.mean() - theirs.mean()) < 0.02 * max(abs(theirs.mean()), 0.1)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95
    found = [how.meet(shown, camera, grid.finer(2)) for how in (rays, film)]
    assert (found[0][0] == found[1][0]).mean() > 0.97
