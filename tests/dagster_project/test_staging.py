"""Rooms of listings are staged in bulk; QA sees what needs it first."""

import json
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from dagster_project.definitions import definitions
from dagster_project.defs.staging.assets import staged_listings
from dagster_project.defs.staging.manifest import STAGING
from dagster_project.studio import Studio
from serving.db.tables import Job, Json
from serving.errors import BadInput
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.dagster_project.batches import DAY, jobs_of, worker
from tests.fakes import jpeg


def write_batch(storage: Storage, listing_id: str, *photos: object, **how: object) -> None:
    batch = {"listings": [{"listing_id": listing_id, "stage": {"photos": list(photos)} | how}]}
    storage.write(f"batches/staging/{DAY}.json", json.dumps(batch).encode())


def staged(photo: str, sofa: str, score: float = 90.0, **reasons: str) -> Json:
    variant = {
        "staged": "staged/x.jpg", "preview": "staged/preview/x.jpg", "seed": 0, "score": score,
        "needs_review": bool(reasons), "reasons": reasons,
        "furniture": [{"sku": sofa, "role": "sofa"}],
    }  # fmt: skip
    return {"photo": photo, "room_id": "living", "variants": [variant]}


def materialize(settings: Settings) -> tuple[dict[str, Any], dict[str, bool]]:
    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)
    result = dg.materialize(
        [staged_listings],
        partition_key=DAY,
        resources={"studio": studio},
        run_config={"ops": {"staged_listings": {"config": {"poll_s": 0.02, "time_limit_s": 30.0}}}},
        raise_on_error=False,
    )
    (made,) = result.get_asset_materialization_events()
    checks = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    return {name: v.value for name, v in made.materialization.metadata.items()}, checks


def test_rooms_are_staged_behind_others_and_those_to_look_at_are_shown_first(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    for key in ("a.jpg", "b.jpg", "staged/preview/x.jpg"):
        storage.write(key, jpeg(height=90, width=160))
    write_batch(storage, "1", "a.jpg", "b.jpg", "garden.jpg", kit="coastal")

    def work(_: Job) -> Json:
        garden = {"photo": "garden.jpg", "untouched": {"code": "outdoors", "detail": "no room"}}
        doubtful = staged("b.jpg", "sofa-1", 61.0, contact="a foot does not touch the floor")
        return {"results": [staged("a.jpg", "sofa-1"), doubtful, garden]}

    with worker(engine, work):
        told, checks = materialize(settings)
    (job,) = jobs_of(engine)
    assert (job.type, job.priority, job.input["kit"]) == ("stage_photos", -50, "coastal")
    assert checks == {
        "all_completed": True, "no_photo_failed": True, "no_review_needed": False,
        "same_furniture_in_a_room": True,
    }  # fmt: skip
    counts = ("staged photos", "to look at", "mean score", "photos left as they came")
    assert [told[name] for name in counts] == [2, 1, 75.5, 1]
    assert "| outdoors | 1 |" in told["why they were left"]
    sheet = told["before and after"]
    assert sheet.count("data:image/jpeg;base64,") == 4
    assert sheet.index("61 (look at it)") < sheet.index("90")


def test_a_room_with_two_sofas_of_a_kind_is_found(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, "1", "a.jpg", "b.jpg")
    results = [staged("a.jpg", "sofa-1"), staged("b.jpg", "sofa-2")]
    with worker(engine, lambda _: {"results": results}):
        assert materialize(settings)[1]["same_furniture_in_a_room"] is False


def test_a_wish_that_can_never_work_is_refused_with_what_and_where(storage: Storage) -> None:
    write_batch(storage, "1", "a.jpg", mode="restyle")
    with pytest.raises(BadInput, match=r"listings\.0\.stage.*allow_renovation"):
        STAGING.read(storage, DAY, {})


def test_the_job_is_found_and_its_file_starts_it() -> None:
    loaded = definitions()
    assert loaded.resolve_job_def("stage_listings").partitions_def is not None
    sensor = loaded.get_sensor_def("new_batches")
    assert "stage_listings" in {target.job_name for target in sensor.targets}
