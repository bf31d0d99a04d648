from pathlib import Path

import numpy as np
import pytest
import yaml

from serving.errors import BadInput
from serving.kits.meshes import FOLDER, models_of
from serving.kits.read import read_kit, read_kits
from serving.staging.kit import ROOM_TYPES

NAMES = {"modern", "scandinavian", "traditional", "industrial", "coastal"}


def test_every_kit_furnishes_every_type_of_room() -> None:
    kits = read_kits()
    assert set(kits) == NAMES
    for kit in kits.values():
        assert set(kit.rooms) == set(ROOM_TYPES)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_piece_has_a_mesh_that_fills_its_size_and_stands_on_the_floor(name: str) -> None:
    kit = read_kits()[name]
    for model in models_of(kit, tuple(kit.pieces)).values():
        corners = np.concatenate([part.vertices for part in model.parts])
        assert np.ptp(corners, axis=0) == pytest.approx(model.size_m, rel=0.01, abs=0.002)
        assert corners[:, 1].min() == pytest.approx(0, abs=0.002)
        for part in model.parts:
            assert part.faces.max() < len(part.vertices)
            assert np.linalg.norm(part.normals, axis=1) == pytest.approx(1, abs=0.02)
            assert np.isfinite(part.uvs).all()


def test_a_kit_weighs_less_than_what_a_renderer_can_take() -> None:
    for kit in read_kits().values():
        models = models_of(kit, tuple(kit.pieces)).values()
        assert max(sum(len(part.faces) for part in model.parts) for model in models) < 70_000
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.npz")) < 12e6


def test_every_mesh_and_texture_is_used() -> None:
    kits = read_kits().values()
    meshes = {piece.mesh for kit in kits for piece in kit.pieces.values()}
    textures = {finish.texture for kit in kits for finish in kit.finishes.values()}
    assert {path.stem for path in (FOLDER / "meshes").iterdir()} == meshes
    assert {path.stem for path in (FOLDER / "textures").iterdir()} == textures - {None}


def test_a_texture_takes_the_colour_of_its_finish() -> None:
    kit = read_kits()["modern"]
    sofa = models_of(kit, ("modern_block_sofa",))["modern_block_sofa"]
    fabric = next(part.look for part in sofa.parts if part.look.roughness > 0.9)
    assert fabric.texture is not None
    found = fabric.texture.reshape(-1, 3).mean(axis=0)
    assert found == pytest.approx([0x6B, 0x70, 0x76], abs=4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("#54585d", "grey"), "rrggbb"),
        (("version: 1", "version: 0"), "version"),
        (("fabric: fabric, wood: dark", "fabric: velvet"), "velvet"),
        (("like: block_sofa", "like: sofabed"), "sofabed"),
        (("[modern_long_table,", "[modern_rug,"), "dining_room"),
    ],
)
def test_a_kit_that_is_wrong_is_told_where(change: tuple[str, str], said: str) -> None:
    text = Path(FOLDER / "kit_modern.yaml").read_text()
    assert change[0] in text
    with pytest.raises(BadInput, match=said):
        read_kit(text.replace(*change), yaml.safe_load((FOLDER / "pieces.yaml").read_text()))


def test_a_piece_that_the_kit_does_not_have_is_named() -> None:
    with pytest.raises(BadInput, match="a_throne"):
        models_of(read_kits()["modern"], ("a_throne",))
