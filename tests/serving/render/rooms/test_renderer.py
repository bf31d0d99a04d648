import hashlib

import numpy as np
import pytest

from serving.render.rooms.renderer import PathTracer
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
