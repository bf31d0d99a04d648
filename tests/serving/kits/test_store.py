"""Kits of clients in versions that never change, beside those of the release."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from serving.errors import BadInput, KitBuiltIn, KitChanged, QuotaExceeded, UnknownAsset, UnknownKit
from serving.kits import store as kit_store
from serving.kits.store import KitStore
from serving.storage.objects import Storage
from tests.serving.kits.kit_files import OneKit, box_glb, own_kit, send


@pytest.fixture
def store(engine: Engine, storage: Storage) -> KitStore:
    return KitStore(engine, storage, OneKit())


def test_the_same_content_is_the_same_version_and_other_content_the_next(store: KitStore) -> None:
    send(store, "our_sofa", box_glb())
    first, new = store.put("a", "ours", own_kit())
    again, known = store.put("a", "ours", own_kit())
    assert (new, known, again) == (True, False, first)
    second, _ = store.put("a", "ours", own_kit(title="Ours, in spring"))
    back, _ = store.put("a", "ours", own_kit())
    assert [stored.kit.version for stored in (first, second, back)] == [1, 2, 3]
    assert store.versions("a", "ours") == [3, 2, 1]
    assert store.read("a", "ours").kit.title == "Ours"
    assert store.read("a", "ours", 2) == second


def test_a_version_keeps_its_mesh_when_another_is_sent_under_its_name(store: KitStore) -> None:
    kept = send(store, "our_sofa", box_glb())
    first, _ = store.put("a", "ours", own_kit())
    other = send(store, "our_sofa", box_glb(1.0, 0.4, 0.45))
    assert store.read("a", "ours").assets["our_sofa"].sha256 == kept
    second, new = store.put("a", "ours", own_kit())
    assert (new, second.kit.version) == (True, 2)
    assert second.assets["our_sofa"].sha256 == other
    assert store.read_asset(first, "our_sofa") != store.read_asset(second, "our_sofa")


def test_a_kit_that_was_deleted_is_found_by_jobs_alone_and_its_versions_go_on(
    store: KitStore,
) -> None:
    send(store, "our_sofa", box_glb())
    stored, _ = store.put("a", "ours", own_kit())
    store.remove("a", "ours")
    for version in (None, 1):
        with pytest.raises(UnknownKit):
            store.read("a", "ours", version)
    assert store.versions("a", "ours") == []
    assert [kit.kit.id for kit in store.list("a")] == ["sample"]
    assert store.resolve("a", "ours", 1) == stored
    assert store.read_asset(stored, "our_sofa")
    with pytest.raises(UnknownKit):
        store.remove("a", "ours")
    send(store, "our_sofa", box_glb())
    assert store.put("a", "ours", own_kit())[0].kit.version == 2


def test_each_client_has_its_own_kits_beside_those_of_the_release(store: KitStore) -> None:
    send(store, "our_sofa", box_glb())
    store.put("a", "ours", own_kit())
    assert [kit.kit.id for kit in store.list("a")] == ["sample", "ours"]
    assert [kit.kit.id for kit in store.list("b")] == ["sample"]
    with pytest.raises(UnknownKit):
        store.read("b", "ours")
    with pytest.raises(UnknownKit):
        store.resolve("b", "ours", 1)
    assert store.resolve("b", "sample", 1).built_in
    with pytest.raises(UnknownKit):
        store.read("b", "sample", 2)


def test_a_kit_of_the_release_is_not_changed(store: KitStore) -> None:
    for change in (
        lambda: store.put("a", "sample", own_kit()),
        lambda: store.remove("a", "sample"),
        lambda: send(store, "our_sofa", box_glb(), kit_id="sample"),
    ):
        with pytest.raises(KitBuiltIn):
            change()


def test_a_kit_may_use_what_comes_with_the_release_and_keeps_it(
    store: KitStore, engine: Engine, storage: Storage
) -> None:
    kit = own_kit()
    kit["pieces"]["sofa_1"] |= {"mesh": "cube", "size_cm": [90, 90, 90], "licence": "CC0-1.0"}
    stored, _ = store.put("a", "ours", kit)
    assert stored.assets["cube"].licence == "CC0-1.0"

    class NoAssets(OneKit):
        def asset(self, name: str) -> None:
            del name

    later = KitStore(engine, storage, NoAssets())
    assert later.read_asset(later.read("a", "ours"), "cube") == store.read_asset(stored, "cube")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mesh": "no_such"}, "no mesh 'no_such': send it"),
        ({"mesh": "cloth"}, "'cloth' is a picture, not a mesh"),
        ({"size_cm": [90, 80, 200]}, "sofa_1: 90 x 80 x 200 cm would stretch its mesh of 200 x"),
        ({"finishes": {"seat": "oak"}}, "no part seat"),
        ({"finishes": {}}, "no finish for oak_wood"),
        ({"licence": "CC0-1.0"}, "its licence is CC0-1.0, and that of its mesh proprietary"),
        ({"finishes": {"*": "steel"}}, "finishes that the kit does not have: steel"),
        ({"role": "bed"}, "no sofa in the kit"),
        ({"size_cm": [2000, 80, 90]}, r"pieces.sofa_1.size_cm.0: .*600"),
    ],
)
def test_a_piece_that_is_not_what_its_mesh_is_is_refused(
    store: KitStore, changes: dict[str, object], said: str
) -> None:
    from tests.fakes import encode
    from tests.serving.video.pictures import texture

    send(store, "our_sofa", box_glb())
    send(store, "cloth", encode(texture(80, 80), "PNG"))
    kit = own_kit()
    kit["pieces"]["sofa_1"] |= changes
    with pytest.raises(BadInput, match=said):
        store.put("a", "ours", kit)
    assert store.versions("a", "ours") == []


def test_two_who_change_a_kit_at_once_make_two_versions_and_one_may_insist_on_what_it_saw(
    store: KitStore,
) -> None:
    send(store, "our_sofa", box_glb())
    kits = [own_kit(title=f"By {name}") for name in ("one", "two", "one", "two")]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda kit: store.put("a", "ours", kit)[0], kits))
    assert store.versions("a", "ours")[-1] == 1
    assert sorted({stored.kit.version for stored in made}) == sorted(store.versions("a", "ours"))
    assert {store.read("a", "ours", stored.kit.version) == stored for stored in made} == {True}
    newest = store.versions("a", "ours")[0]
    with pytest.raises(KitChanged, match=f"version {newest} now"):
        store.put("a", "ours", own_kit(), expected=newest + 1)
    assert store.put("a", "ours", own_kit(), expected=newest)[0].kit.version == newest + 1


def test_assets_are_listed_replaced_removed_and_not_without_end(
    store: KitStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, "our_sofa", box_glb())
    send(store, "our_sofa", box_glb(1, 1, 1))
    send(store, "our_chair", box_glb(0.5, 0.9, 0.5))
    kept = store.read_assets("a", "ours")
    assert list(kept) == ["our_chair", "our_sofa"]
    assert kept["our_sofa"].facts["size_cm"] == [100, 100, 100]
    store.remove_asset("a", "ours", "our_chair")
    with pytest.raises(UnknownAsset):
        store.remove_asset("a", "ours", "our_chair")
    monkeypatch.setattr(kit_store, "_MOST_ASSETS", 1)
    send(store, "our_sofa", box_glb())
    with pytest.raises(QuotaExceeded):
        send(store, "our_chair", box_glb())


@pytest.mark.parametrize("place", ["title", "description"])
def test_a_character_that_no_query_can_read_is_refused(store: KitStore, place: str) -> None:
    """Kept, it would stop the removal of what no kit names, for all clients."""
    send(store, "our_sofa", box_glb())
    with pytest.raises(BadInput, match=place):
        store.put("a", "ours", own_kit(**{place: "NUL \0 in it"}))
