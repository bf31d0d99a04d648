"""Photos of listings are made better in bulk, and shown before and after."""

import json
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from dagster_project.definitions import definitions
from dagster_project.defs.enhancement.assets import enhanced_listings
from dagster_project.defs.enhancement.manifest import ENHANCEMENT
from dagster_project.studio import Studio
from serving.db.tables import Job, Json
from serving.errors import BadInput, ObjectNotFound
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.dagster_project.batches import DAY, jobs_of, worker
from tests.fakes import jpeg

JUDGES = {"photo-quality": "1@a.b"}


def listing(listing_id: str, *photos: object, **changes: object) -> Json:
    named = list(photos or (f"listings/{listing_id}/a.jpg",))
    return {"listing_id": listing_id, "enhance": {"photos": named} | changes}


def write_batch(storage: Storage, *listings: Json) -> None:
    storage.write(f"batches/enhancement/{DAY}.json", json.dumps({"listings": listings}).encode())


def better(photo: str, *done: str, after: float = 80.0) -> Json:
    applied = [{"operation": name} for name in done]
    quality = {"before": 60.0, "after": after if done else 60.0}
    return {"photo": photo, "enhanced": f"enhanced/{photo}", "applied": applied, "quality": quality}


def materialize(settings: Settings) -> dg.ExecuteInProcessResult:
    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)
    options = {"poll_s": 0.02, "time_limit_s": 30.0}
    return dg.materialize(
        [enhanced_listings],
        partition_key=DAY,
        resources={"studio": studio},
        run_config={"ops": {"enhanced_listings": {"config": options}}},
        raise_on_error=False,
    )


def told_of(result: dg.ExecuteInProcessResult) -> tuple[dict[str, Any], dict[str, bool]]:
    (made,) = result.get_asset_materialization_events()
    checks = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    return {name: v.value for name, v in made.materialization.metadata.items()}, checks


def test_listings_are_made_better_behind_others_and_shown_before_and_after(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    for key in ("listings/1/a.jpg", "enhanced/listings/1/a.jpg"):
        storage.write(key, jpeg(height=90, width=160))
    bracketed = {"photo": "b.jpg", "brackets": ["b-2.jpg"]}
    write_batch(storage, listing("1", preset="bright"), listing("2", "c.jpg", bracketed))

    def work(job: Job) -> Json:
        if job.listing_id == "1":
            return {"results": [better("listings/1/a.jpg", "exposure", "straighten")]}
        failed = {"photo": "b.jpg", "error": {"detail": "no picture"}}
        return {"results": [better("c.jpg"), failed]}

    with worker(engine, work) as taken:
        result = materialize(settings)
        again = materialize(settings)
    assert result.success
    asked = [(job.type, job.priority, job.client, job.listing_id) for job in jobs_of(engine)]
    assert asked == [("enhance_photos", -50, "batch", one) for one in ("1", "2")]
    assert jobs_of(engine)[0].input == {"photos": ["listings/1/a.jpg"], "preset": "bright"}
    told, checks = told_of(result)
    assert checks == {"all_completed": True, "no_photo_failed": False, "none_worse": True}
    counts = ("photos", "photos left as they were", "photos that failed", "mean gain of quality")
    assert [told[name] for name in counts] == [2, 1, 1, 20.0]
    assert told["before and after"].count("data:image/jpeg;base64,") == 2
    assert "exposure, straighten" in told["before and after"]
    assert "| straighten | 1 |" in told["operations"]
    assert told_of(again)[0]["asked for before"] == 2
    assert len(taken) == 2


def test_photos_that_score_lower_than_they_came_are_named(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, listing("1"))
    work = {"results": [better("listings/1/a.jpg", "contrast", after=59.0)]}
    with worker(engine, lambda _: work):
        assert told_of(materialize(settings))[1]["none_worse"] is False


def test_another_judge_or_another_wish_is_another_job(storage: Storage) -> None:
    write_batch(storage, listing("1"), listing("2"))
    first = ENHANCEMENT.read(storage, DAY, JUDGES)
    assert ENHANCEMENT.read(storage, DAY, JUDGES) == first
    keys = {job.idempotency_key for job in first}
    other = {job.idempotency_key for job in ENHANCEMENT.read(storage, DAY, {"photo-quality": "2"})}
    write_batch(storage, listing("1", preset="natural"), listing("2"))
    wish = {job.idempotency_key for job in ENHANCEMENT.read(storage, DAY, JUDGES)}
    assert not keys & other
    assert len(keys & wish) == 1


@pytest.mark.parametrize(
    ("listings", "said"),
    [
        ([listing("1"), listing("1", "b.jpg")], r"listings\.1 \(listing 1\).*twice"),
        ([listing("1", "a", {"photo": "b", "brackets": ["a"]})], "the photo 'a' is named twice"),
        ([listing("1", preset="hdr")], r"listings\.0\.enhance\.preset"),
        ([listing("1", *(f"{n}.jpg" for n in range(301)))], "at most 300 photos"),
    ],
)
def test_a_faulty_file_is_refused_with_what_and_where(
    storage: Storage, listings: list[Json], said: str
) -> None:
    write_batch(storage, *listings)
    with pytest.raises(BadInput, match=said):
        ENHANCEMENT.read(storage, DAY, JUDGES)


def test_the_job_is_found_and_its_file_starts_it(storage: Storage) -> None:
    loaded = definitions()
    assert loaded.resolve_job_def("enhance_listings").partitions_def is not None
    sensor = loaded.get_sensor_def("new_batches")
    assert "enhance_listings" in {target.job_name for target in sensor.targets}
    with pytest.raises(ObjectNotFound, match=f"batches/enhancement/{DAY}.json"):
        ENHANCEMENT.read(storage, DAY, JUDGES)
