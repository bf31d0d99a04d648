"""Rooms are staged photo by photo; what cannot be staged is left alone with its reason."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import Engine

from serving.db.tables import Job
from serving.errors import ModelFailed, ModelUnavailable
from serving.image import decode
from serving.image.metadata import COMPOSITE, read_metadata
from serving.jobs.events import read_snapshot
from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.perception.classes import CLASSES
from serving.provenance import edits_of, verify
from serving.staging.furnish.scene import Crop, Effort, Layers, Scene
from serving.storage.objects import Storage
from serving.workflows import staging
from tests.drawn_rooms import segmenter
from tests.fakes import publish
from tests.serving.photos.enhance.test_file import saved
from tests.serving.staging.drawn_room import BOX, WINDOW, add_cupboard, camera_at, draw
from tests.serving.workflows.harness import JobHarness, wait_until_due

PIXELS = 10**7
CAMERA = camera_at(yaw_deg=30, pitch_deg=0, roll_deg=0, size=(512, 768))
ROOMY = replace(BOX, front_m=4.2, left_m=2.6, right_m=2.9)
PHOTO, IDS = draw(CAMERA, ROOMY, (replace(WINDOW, wall="left", start_m=-3.2, end_m=-1.9),))
add_cupboard(PHOTO, IDS, CAMERA, ROOMY)


class Boxes:
    """A renderer that draws each piece as a plain box: what joins it to the photo is not its."""

    def __call__(self, scene: Scene, crop: Crop, effort: Effort) -> Layers:
        del effort
        height, width = crop.size
        cover = np.zeros((height, width), np.float32)
        for thing in scene.things:
            pixels = scene.room.camera.project(thing.place.corners()) - (crop.left, crop.top)
            hull = cv2.convexHull(pixels.astype(np.float32)).astype(np.int32)
            cv2.fillConvexPoly(cover, hull, 1.0)
        lit = np.full((height, width, 3), 0.3, np.float32)
        furnished = lit * (1 - cover[..., None]) + 0.15 * cover[..., None]
        distance = np.where(cover > 0, 0.5, np.inf).astype(np.float32)
        albedo = np.repeat(cover[..., None], 3, axis=2) * np.float32(0.4)
        return Layers(furnished, lit, cover, distance, albedo, np.zeros_like(lit))


@pytest.fixture
def staging_jobs(
    harness: JobHarness, storage: Storage, engine: Engine, models: LocalModels,
    monkeypatch: pytest.MonkeyPatch,
) -> JobHarness:  # fmt: skip
    small = cv2.resize(IDS, (192, 128), interpolation=cv2.INTER_NEAREST)
    model, card = segmenter(np.asarray(small, np.uint8))
    publish(engine, storage, model=model, card=card)
    models.apply(read_slots(engine))
    monkeypatch.setattr(staging, "PathTracer", Boxes)
    storage.write("room.jpg", saved(PHOTO))
    storage.write("again.jpg", saved((PHOTO * 0.95).astype(np.uint8)))
    storage.write("grey.jpg", saved(np.full((512, 768, 3), 128, np.uint8)))
    storage.write("broken.jpg", b"\xff\xd8\xff nothing")
    return JobHarness(harness.parts, "stage_photos")


def results_of(job: Job) -> list[dict[str, Any]]:
    assert job.result is not None, job.error
    return list(job.result["results"])


def test_a_room_is_furnished_and_what_cannot_be_is_left_with_its_reason(
    staging_jobs: JobHarness, storage: Storage, engine: Engine
) -> None:
    photos = ["room.jpg", "broken.jpg", "grey.jpg"]
    work = {"photos": photos, "room_type": "living_room", "format": "png"}
    job = staging_jobs.attempt(staging_jobs.submit(**work))
    room, broken, grey = results_of(job)
    assert broken["error"]["title"] == "BadImage"
    assert grey["untouched"]["code"] == "few_lines"
    (made,) = room["variants"]
    assert {piece["role"] for piece in made["furniture"]} >= {"sofa"}
    picture, mask = (decode(storage.read(made[name]), PIXELS) for name in ("staged", "mask"))
    assert picture.shape[0] > PHOTO.shape[0], "a caption below"
    original = decode(storage.read("room.jpg"), PIXELS)
    untouched = mask[..., 0] == 0
    assert (picture[: len(original)][untouched] == original[untouched]).all()
    assert 0.05 < 1 - untouched.mean() < 0.6
    told = [event.data for event in read_snapshot(engine, job.id).events if event.kind == "preview"]
    assert [one["step"] for one in told] == ["cleared", "staged"]
    assert decode(storage.read(told[1]["preview"]), PIXELS).shape[1] <= 960


def test_what_was_done_is_told_in_the_file_and_signed_beside_it(
    staging_jobs: JobHarness, storage: Storage
) -> None:
    asked = staging_jobs.submit(photos=["room.jpg"], room_type="bedroom", label="none")
    (room,) = results_of(staging_jobs.attempt(asked))
    (made,) = room["variants"]
    data, manifest = storage.read(made["staged"]), storage.read(made["manifest"])
    assert COMPOSITE.encode() in read_metadata(data).xmp
    done = edits_of(verify(manifest, data, made["content_type"]))
    assert next(edit.operation for edit in done) == "clear"
    assert {edit.details["sku"] for edit in done if edit.operation == "furnish"} == {
        piece["sku"] for piece in made["furniture"]
    }
    assert {edit.details.get("tag") for edit in done} <= {"movable", None}


def test_the_same_work_gives_the_same_bytes_and_another_seed_is_another_variant(
    staging_jobs: JobHarness, storage: Storage
) -> None:
    work = {"photos": ["room.jpg"], "room_type": "living_room", "variants": 2}
    first, again = (
        results_of(staging_jobs.attempt(staging_jobs.submit(**work)))[0]["variants"]
        for _ in range(2)
    )
    assert [one["seed"] for one in first] == [0, 1]
    for one, other in zip(first, again, strict=True):
        assert storage.read(one["staged"]) == storage.read(other["staged"])


def test_a_retry_does_not_furnish_again_what_is_furnished(
    staging_jobs: JobHarness, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    traced: list[Crop] = []

    class Failing(Boxes):
        def __call__(self, scene: Scene, crop: Crop, effort: Effort) -> Layers:
            traced.append(crop)
            if len(traced) == 2:
                raise ModelUnavailable("rendering", "not now")
            return super().__call__(scene, crop, effort)

    monkeypatch.setattr(staging, "PathTracer", Failing)
    work = staging_jobs.submit(photos=["room.jpg", "again.jpg"], room_type="living_room")
    assert staging_jobs.attempt(work).result is None
    wait_until_due(engine)
    assert all("variants" in one for one in results_of(staging_jobs.attempt(work)))
    assert len(traced) == 3, "the first photo once, the second twice"


def test_a_photo_whose_furniture_cannot_be_traced_fails_alone(
    staging_jobs: JobHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingOnce(Boxes):
        failed = False

        def __call__(self, scene: Scene, crop: Crop, effort: Effort) -> Layers:
            if not FailingOnce.failed:
                FailingOnce.failed = True
                raise ModelFailed("a room that cannot be traced")
            return super().__call__(scene, crop, effort)

    monkeypatch.setattr(staging, "PathTracer", FailingOnce)
    work = staging_jobs.submit(photos=["room.jpg", "again.jpg"], room_type="living_room")
    bad, good = results_of(staging_jobs.attempt(work))
    assert bad["error"]["title"] == "ModelFailed"
    assert good["variants"]


def test_photos_of_one_room_show_the_same_furniture(staging_jobs: JobHarness) -> None:
    photos = [{"photo": "room.jpg", "room_id": "living"} for _ in range(2)]
    asked = staging_jobs.submit(photos=photos, room_type="living_room")
    skus = [
        sorted(piece["sku"] for piece in one["variants"][0]["furniture"])
        for one in results_of(staging_jobs.attempt(asked))
    ]
    assert skus[0] == skus[1]


def test_photos_of_which_nothing_was_said_are_one_room_by_likeness(
    staging_jobs: JobHarness, storage: Storage
) -> None:
    grain = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 60, PHOTO.shape), (0, 0), 2)
    patterned = (PHOTO + 2 * grain).clip(0, 255)  # points that can be known again
    storage.write("one.jpg", saved(patterned.astype(np.uint8)))
    storage.write("darker.jpg", saved((0.9 * patterned).astype(np.uint8)))
    photos = ["one.jpg", "darker.jpg", {"photo": "one.jpg", "room_type": "bedroom"}]
    asked = staging_jobs.submit(photos=photos, room_type="living_room")
    first, second, other = results_of(staging_jobs.attempt(asked))
    assert first["room_id"] == second["room_id"] == "photo-0"
    assert first["room_confidence"] == second["room_confidence"] > 0.5
    assert (other["room_id"], other["room_confidence"]) == ("photo-2", 1)
    skus = [
        sorted(piece["sku"] for piece in one["variants"][0]["furniture"]) for one in (first, second)
    ]
    assert skus[0] == skus[1]


def test_a_room_is_only_cleared_where_that_is_asked(
    staging_jobs: JobHarness, storage: Storage
) -> None:
    asked = staging_jobs.submit(photos=["room.jpg"], room_type="living_room", mode="clear",
                                label="none")  # fmt: skip
    (room,) = results_of(staging_jobs.attempt(asked))
    (made,) = room["variants"]
    assert made["furniture"] == []
    assert made["cleared"] > 0.02
    picture = decode(storage.read(made["staged"]), PIXELS)
    cupboard = PHOTO[..., 0] == 92
    assert picture[cupboard].mean() > PHOTO[cupboard].mean() + 40


def test_another_style_is_a_renovation_and_says_so(
    staging_jobs: JobHarness, storage: Storage
) -> None:
    asked = staging_jobs.submit(photos=["room.jpg"], room_type="living_room", mode="restyle",
                                allow_renovation=True, label="none")  # fmt: skip
    (room,) = results_of(staging_jobs.attempt(asked))
    (made,) = room["variants"]
    data, manifest = storage.read(made["staged"]), storage.read(made["manifest"])
    done = edits_of(verify(manifest, data, made["content_type"]))
    assert [edit.details["tag"] for edit in done if edit.operation == "restyle"] == ["renovation"]
    picture, floor = decode(data, PIXELS), np.equal(IDS, CLASSES.index("floor"))
    assert np.abs(picture[floor].mean(axis=0) - PHOTO[floor].mean(axis=0)).max() > 8
    window = np.equal(IDS, CLASSES.index("window"))
    inside = cv2.erode(window.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    original = decode(storage.read("room.jpg"), PIXELS)
    assert np.abs(picture[inside].astype(int) - original[inside]).mean() < 1.5, "JPEG alone"


def test_a_room_that_nobody_can_name_says_what_to_say(staging_jobs: JobHarness) -> None:
    asked = staging_jobs.submit(photos=["room.jpg"])
    (room,) = results_of(staging_jobs.attempt(asked))
    assert room["untouched"]["code"] in ("unknown_room", "no_such_room")


def test_a_kit_that_is_not_there_is_refused(staging_jobs: JobHarness) -> None:
    job = staging_jobs.attempt(staging_jobs.submit(photos=["room.jpg"], kit="baroque"))
    assert job.error is not None
    assert "baroque" in job.error["detail"]
