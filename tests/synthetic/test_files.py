import json
from pathlib import Path

import numpy as np
from PIL import Image

from synthetic.files import MARK, write_photo, write_rendered
from synthetic.render import RenderedRoom
from synthetic.scene import CATEGORIES


def test_write_photo_says_what_it_is_in_every_place(tmp_path: Path) -> None:
    path = tmp_path / "room.jpg"
    write_photo(path, np.full((24, 36, 3), 128, np.uint8))
    with Image.open(path) as file:
        assert file.size == (36, 24)
        assert file.getexif()[0x010E] == MARK
        assert file.info["comment"] == MARK.encode()
        assert MARK.encode() in file.info["xmp"]
        assert b"digitalsourcetype" in file.info["xmp"]


def test_write_rendered_keeps_the_truth(tmp_path: Path) -> None:
    depth = np.array([[1.5, np.inf]], np.float32)
    rendered = RenderedRoom(
        photo=np.zeros((1, 2, 3), np.uint8),
        depth_m=depth,
        normals=np.zeros((1, 2, 3), np.float32),
        instances=np.array([[300, 0]], np.uint16),
        classes=np.array([[2, 0]], np.uint8),
        names=("floor",),
        intrinsics=np.eye(3),
        world_to_camera=np.eye(4),
        corners_m=np.zeros((8, 3)),
        corners_px=np.zeros((8, 2)),
    )
    write_rendered(tmp_path / "out", rendered)
    with np.load(tmp_path / "out" / "truth.npz") as truth:
        np.testing.assert_array_equal(truth["depth_m"], depth)
    with Image.open(tmp_path / "out" / "depth_mm.png") as file:
        assert np.asarray(file).tolist() == [[1500, 0]]
    with Image.open(tmp_path / "out" / "instances.png") as file:
        assert np.asarray(file).tolist() == [[300, 0]]
    names = json.loads((tmp_path / "out" / "scene.json").read_text())
    assert names["instances"] == ["", "floor"]
    assert names["classes"] == list(CATEGORIES)
