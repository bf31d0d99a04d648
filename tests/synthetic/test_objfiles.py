from pathlib import Path

import numpy as np
import pytest

from synthetic.catalogue import Catalogue, Model
from synthetic.objfiles import crease_normals, load_model

OBJ = """mtllib cube.mtl
v 0 0 0
v 2 0 0
v 2 1 0
v 0 1 0
v 0 0 4
v 2 0 4
usemtl paint
f 1 2 3 4
usemtl chrome
f 1//1 2//1 6//1 5//1
f -6 -2 -3
"""
MTL = """newmtl paint
Kd 0.8 0.2 0.1
d 1.0

newmtl chrome
Kd 0.7 0.7 0.7
Ns 80
"""


def test_load_model_scales_to_the_catalogue_size(tmp_path: Path) -> None:
    (tmp_path / "cube.obj").write_text(OBJ)
    (tmp_path / "cube.mtl").write_text(MTL)
    model = Model("cube", "Cube", (1.0, 0.5, 3.0), tmp_path / "cube.obj", "", "")
    loaded = load_model(model)
    assert set(loaded) == {"paint", "chrome"}
    points = np.concatenate([mesh.vertices for _, mesh in loaded.values()])
    np.testing.assert_allclose(points.min(axis=0), (-0.5, 0.0, -1.5))
    np.testing.assert_allclose(points.max(axis=0), (0.5, 0.5, 1.5))
    assert loaded["paint"][0].color == (0.8, 0.2, 0.1)
    assert loaded["chrome"][0].metallic == 1.0
    assert len(loaded["paint"][1].faces) == 2


def test_crease_normals_smooth_flat_edges_and_keep_sharp_ones() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0.1], [0, 1, 0.1], [0, 0, 1], [1, 0, 1]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 5, 1]])
    normals = crease_normals(points, faces)
    np.testing.assert_allclose(normals[0, 0], normals[1, 0], atol=1e-9)
    assert abs(normals[0, 0] @ normals[2, 0]) < 0.2


@pytest.mark.data
def test_load_model_reads_shared_models(furniture: Catalogue) -> None:
    for name in ("table", "modernArmchair", "littlePlant"):
        model = furniture[name]
        points = np.concatenate([mesh.vertices for _, mesh in load_model(model).values()])
        np.testing.assert_allclose(np.ptp(points, axis=0), model.size, rtol=1e-6)
        assert points[:, 1].min() == pytest.approx(0)
