"""The rooms of a client's design kit are drawn after it changed, so that people can choose it."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy import Engine

from serving.image import decode
from serving.jobs.kit_pictures import draw_later
from serving.kits.release import ReleaseKits
from serving.kits.store import PREVIEW, KitStore
from serving.staging.furnish.scene import Crop, Effort, Layers, Scene
from serving.staging.showroom import SIZE
from serving.storage.objects import Storage
from serving.workflows import kit_pictures
from tests.serving.kits.kit_files import box_glb, own_kit, send
from tests.serving.workflows.harness import JobHarness
from tests.serving.workflows.test_staging import Boxes

ROOM = f"{PREVIEW}living_room"


class Counted(Boxes):
    """Draws boxes; after so many it breaks off, once."""

    calls, breaks_after = 0, 10**9

    def __call__(self, scene: Scene, crop: Crop, effort: Effort) -> Layers:
        Counted.calls += 1
        if Counted.calls > Counted.breaks_after:
            Counted.breaks_after = 10**9
            raise OSError("the host goes down")
        return super().__call__(scene, crop, effort)


@pytest.fixture
def drawing(harness: JobHarness, monkeypatch: pytest.MonkeyPatch) -> JobHarness:
    monkeypatch.setattr(kit_pictures, "PathTracer", Counted)
    Counted.calls, Counted.breaks_after = 0, 10**9
    return JobHarness(harness.parts, "draw_kit")


@pytest.fixture
def store(engine: Engine, storage: Storage) -> KitStore:
    store = KitStore(engine, storage, ReleaseKits())
    send(store, "our_sofa", box_glb(), "backend")
    return store


def with_rooms(*rooms: str) -> dict[str, object]:
    kit = own_kit()
    bed = kit["pieces"]["sofa_1"] | {"role": "bed"}
    of_role = {"living_room": {"sofa": ["sofa_1"]}, "bedroom": {"bed": ["bed_1"]}}
    shown = {room: of_role[room] for room in rooms}
    return kit | {"pieces": kit["pieces"] | {"bed_1": bed}, "rooms": shown}


def test_each_room_has_a_picture_and_is_drawn_once(drawing: JobHarness, store: KitStore) -> None:
    stored, _ = store.put("backend", "ours", with_rooms("living_room", "bedroom"))
    assert store.previews(stored) == {}
    job_id = draw_later(drawing.parts.engine, "backend", "ours", 1)
    assert draw_later(drawing.parts.engine, "backend", "ours", 1) == job_id
    job = drawing.attempt(job_id)
    assert job.result == {
        "kit": "ours", "kit_version": 1, "rooms": ["living_room", "bedroom"], "superseded": False,
    }, job.error  # fmt: skip
    shown = store.read("backend", "ours")
    assert set(store.previews(shown)) == {"living_room", "bedroom"}
    picture = decode(store.read_asset(shown, ROOM), 10**7)
    assert picture.shape == (*SIZE, 3)
    again = drawing.attempt(drawing.submit(kit="ours", kit_version=1))
    assert again.result is not None
    assert again.result["rooms"] == []


def test_an_attempt_goes_on_where_the_one_before_it_broke_off(
    drawing: JobHarness, store: KitStore
) -> None:
    store.put("backend", "ours", with_rooms("living_room", "bedroom"))
    Counted.breaks_after = 2  # the room itself, and the first of two
    job_id = draw_later(drawing.parts.engine, "backend", "ours", 1)
    assert drawing.attempt(job_id).status == "pending"
    assert set(store.previews(store.read("backend", "ours"))) == {"living_room"}
    job = drawing.attempt(job_id)
    assert job.result is not None, job.error
    assert job.result["rooms"] == ["bedroom"]


@pytest.mark.parametrize("change", ["changed", "deleted"])
def test_a_version_that_nobody_chooses_any_more_is_not_drawn(
    drawing: JobHarness, store: KitStore, change: str
) -> None:
    store.put("backend", "ours", own_kit())
    if change == "changed":
        store.put("backend", "ours", own_kit(title="Ours in spring"))
    else:
        store.remove("backend", "ours")
    job = drawing.attempt(draw_later(drawing.parts.engine, "backend", "ours", 1))
    assert job.result is not None, job.error
    assert (job.result["superseded"], Counted.calls) == (True, 0)


def test_what_the_client_shows_itself_is_not_drawn(drawing: JobHarness, store: KitStore) -> None:
    file = io.BytesIO()
    Pillow.fromarray(np.full((90, 120, 3), 90, np.uint8)).save(file, "PNG")
    sent = send(store, ROOM, file.getvalue(), "backend")
    store.put("backend", "ours", own_kit())
    job = drawing.attempt(draw_later(drawing.parts.engine, "backend", "ours", 1))
    assert job.result is not None, job.error
    assert (job.result["rooms"], Counted.calls) == ([], 0)
    assert store.read("backend", "ours").assets[ROOM].sha256 == sent
