"""A version of a kit as files, of which furniture is built."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from serving.kits.documents import check_kit, named_assets
from serving.kits.folders import KitFolders
from serving.kits.meshes import models_of
from serving.kits.release import ReleaseKits
from serving.kits.store import KitStore, licence_of
from serving.storage.objects import Storage
from tests.serving.kits.kit_files import OneKit, box_glb, own_kit, send


def test_a_kit_s_files_lie_in_a_folder_as_furniture_is_built_of_them(
    engine: Engine, storage: Storage, tmp_path: Path
) -> None:

    store = KitStore(engine, storage, OneKit())
    send(store, "our_sofa", box_glb())
    stored, _ = store.put("a", "ours", own_kit())
    folders = KitFolders(store, tmp_path / "kits", tmp_path / "release")
    folder = folders.folder_of(stored)
    assert folders.folder_of(stored) == folder
    model = models_of(stored.kit, ("sofa_1",), folder)["sofa_1"]
    assert model.size_m == (2.0, 0.8, 0.9)
    corners = model.parts[0].vertices
    assert corners.min(axis=0).tolist() == pytest.approx([-1, 0, -0.45], abs=1e-4)
    assert corners.max(axis=0).tolist() == pytest.approx([1, 0.8, 0.45], abs=1e-4)
    assert folders.folder_of(store.read("a", "sample")) == tmp_path / "release"


def test_the_kits_of_the_release_are_whole() -> None:
    release = ReleaseKits()
    for kit in release.kits().values():
        named = {name: release.asset(name) for name, _ in named_assets(kit)}
        assert None not in named.values(), kit.id
        assets = {
            name: prepared.asset(licence_of(kit, name), "this release")
            for name, prepared in named.items()
            if prepared is not None
        }
        check_kit(kit, assets)
