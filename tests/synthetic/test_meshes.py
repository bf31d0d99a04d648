import numpy as np
import pytest

from synthetic.meshes import Mesh, mesh_shape, transform_mesh
from synthetic.shapes import (
    Box,
    Drape,
    Foliage,
    Loft,
    Prism,
    Quad,
    Ring,
    Shape,
    Tube,
    move_shape,
)

CLOSED: list[tuple[Shape, float]] = [
    (Box((1, 0, 2), (1, 2, 3), 0.0, 30), 6.0),
    (Box((0, 1, 0), (1, 1, 1), 0.02), 0.998),
    (Loft((Ring(0, 1, 1), Ring(2, 1, 1)), segments=200), 2 * np.pi),
    (Tube(((0, 0, 0), (1, 0, 0)), 0.1, 64), np.pi * 0.01),
    (Prism(((0, 0), (1, 0), (1, 1), (0.5, 0.5), (0, 1)), 2.0), 1.5),
]
OPEN: list[Shape] = [
    Quad((0, 0, 0), (1, 0, 0), (0, 1, 0)),
    Drape((0, 0, 0), 1.0, 2.0, 5, 0.1),
    Foliage((0, 1, 0), (1, 1, 1), 50, 0.1),
]


def volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(("shape", "expected"), CLOSED)
def test_mesh_shape_encloses_the_shape_with_faces_outward(shape: Shape, expected: float) -> None:
    assert volume(mesh_shape(shape)) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("shape", [shape for shape, _ in CLOSED] + OPEN)
def test_mesh_shape_gives_unit_normals_and_valid_faces(shape: Shape) -> None:
    mesh = mesh_shape(shape)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
    assert mesh.uvs.shape == (len(mesh.vertices), 2)
    assert mesh.faces.min() == 0
    assert mesh.faces.max() == len(mesh.vertices) - 1


def test_mesh_shape_runs_the_grain_along_a_board() -> None:
    upright = mesh_shape(Box((0, 0, 0), (0.1, 2.0, 0.02), 0.0))
    assert np.ptp(upright.uvs[:, 0]) > np.ptp(upright.uvs[:, 1])


@pytest.mark.parametrize("shape", [shape for shape, _ in CLOSED] + OPEN)
def test_move_shape_moves_every_vertex(shape: Shape) -> None:
    before, after = mesh_shape(shape), mesh_shape(move_shape(shape, 1.0, 2.0, 3.0))
    np.testing.assert_allclose(after.vertices - before.vertices, [[1, 2, 3]] * len(before.vertices))


def test_transform_mesh_turns_normals_with_the_faces() -> None:
    mesh = mesh_shape(Quad((0, 0, 0), (1, 0, 0), (0, 1, 0)))
    stretched = transform_mesh(mesh, np.diag([2.0, 3.0, 4.0, 1.0]))
    np.testing.assert_allclose(stretched.normals, [[0, 0, 1]] * 4)
