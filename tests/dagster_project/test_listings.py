"""Listings are classified in bulk by the version that answers, once, and shown with pictures."""

import json
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine

from dagster_project.definitions import definitions
from dagster_project.defs.listings.assets import analyzed_listings, classified_listings
from dagster_project.defs.listings.manifest import read_listings
from dagster_project.studio import Studio
from serving.db.tables import Job, Json
from serving.errors import BadInput, ObjectNotFound
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.dagster_project.batches import DAY, jobs_of, worker
from tests.fakes import TASK, jpeg, publish

VERSIONS = {TASK: "1@a.b", "photo-quality": "none"}


def listing(listing_id: str, *photos: str) -> Json:
    return {"listing_id": listing_id, "photos": list(photos or (f"listings/{listing_id}/a.jpg",))}


def write_batch(storage: Storage, *listings: Json) -> None:
    storage.write(f"batches/listings/{DAY}.json", json.dumps({"listings": listings}).encode())


def room(photo: str, name: str = "kitchen", sure: float = 0.9, version: str = "1") -> Json:
    model = {"name": TASK, "version": version, "slot": "champion"}
    return {"photo": photo, "room_type": name, "confident": sure > 0.8, "confidence": sure,
            "model": model}  # fmt: skip


def answer(job: Job) -> Json:
    return {"results": [room(photo) for photo in job.input["photos"]]}


def materialize(settings: Settings, **config: object) -> dg.ExecuteInProcessResult:
    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)
    options = {"poll_s": 0.02, "time_limit_s": 30.0} | config
    return dg.materialize(
        [classified_listings],
        partition_key=DAY,
        resources={"studio": studio},
        run_config={"ops": {"classified_listings": {"config": options}}},
        raise_on_error=False,
    )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (made,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in made.materialization.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def test_listings_are_classified_behind_others_and_shown_by_room_with_pictures(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    storage.write("listings/1/a.jpg", jpeg(height=90, width=160))
    write_batch(storage, listing("1"), listing("2", "listings/2/a.jpg", "https://a.example/b.jpg"))

    def work(job: Job) -> Json:
        if job.listing_id == "1":
            return answer(job)
        failed = {"photo": "listings/2/a.jpg", "error": {"detail": "no picture"}}
        return {"results": [failed, room("https://a.example/b.jpg", "bath_room", 0.4)]}

    with worker(engine, work):
        result = materialize(settings)
    assert result.success
    wanted = {"all_completed": True, "no_photo_failed": False, "one_version": True}
    assert checks_of(result) == wanted
    asked = [(job.type, job.priority, job.client, job.listing_id) for job in jobs_of(engine)]
    assert asked == [("classify_photos", -50, "batch", one) for one in ("1", "2")]
    told = metadata_of(result)
    assert (told["photos"], told["photos that failed"], told["confident"]) == (2, 1, 0.5)
    assert told["rooms"].count("data:image/jpeg;base64,") == 1, "nobody's server is asked"
    assert "bath room" in told["rooms"]
    assert "| 1 | champion | 2 |" in told["versions"]


def test_the_same_day_is_classified_anew_by_another_version_and_by_no_other_reason(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, listing("1"), listing("2"))
    publish(engine, storage, "1")
    with worker(engine, answer) as taken:
        assert materialize(settings).success
        again = materialize(settings)
        assert metadata_of(again)["asked for before"] == 2
        assert len(taken) == 2
        publish(engine, storage, "2")
        refused = materialize(settings, version="1")
        assert not refused.success, "the version that was meant does not answer any more"
        assert len(taken) == 2
        assert materialize(settings, version="2").success
    assert len(taken) == 4


def test_two_versions_in_one_batch_are_seen(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, listing("1"), listing("2"))

    def work(job: Job) -> Json:
        return {
            "results": [room(photo, version=str(job.listing_id)) for photo in job.input["photos"]]
        }

    with worker(engine, work):
        result = materialize(settings)
    assert checks_of(result)["one_version"] is False


@pytest.mark.parametrize(
    ("listings", "said"),
    [
        ([listing("1"), listing("1", "b.jpg")], r"listings\.1 \(listing 1\).*twice"),
        ([listing("1", "a.jpg", "a.jpg")], "the photo 'a.jpg' is named twice"),
        ([{"listing_id": "1", "photos": []}], r"listings\.0\.photos"),
        ([{"listing_id": "1", "photos": ["a"], "photo": "b"}], r"listings\.0\.photo: Extra"),
        ([listing(str(n), *(f"{n}/{m}" for m in range(300))) for n in range(700)], "photos"),
    ],
)
def test_a_faulty_file_is_refused_with_what_and_where(
    storage: Storage, listings: list[Json], said: str
) -> None:
    write_batch(storage, *listings)
    with pytest.raises(BadInput, match=said):
        read_listings(storage, DAY, VERSIONS)


def test_a_day_without_a_file_says_so(storage: Storage) -> None:
    with pytest.raises(ObjectNotFound, match=f"batches/listings/{DAY}.json"):
        read_listings(storage, DAY, VERSIONS)


def test_the_job_and_the_partitions_are_found() -> None:
    loaded = definitions()
    assert loaded.resolve_job_def("classify_listings").partitions_def is not None
    sensor = loaded.get_sensor_def("new_batches")
    assert {target.job_name for target in sensor.targets} >= {"classify_listings", "render_films"}
    assert {target.job_name for target in sensor.targets} >= {"analyze_listings"}


def test_listings_are_analysed_in_bulk_and_shown_by_their_tags(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    batch = {"listings": [listing("1"), listing("2")]}
    storage.write(f"batches/analyses/{DAY}.json", json.dumps(batch).encode())

    def work(job: Job) -> Json:
        seen = {"name": "pool" if job.listing_id == "1" else "garden", "confidence": 0.9}
        more = {"tags": {"present": [seen]}, "missing": {"detector": "none is published"}}
        told = (room(photo) for photo in job.input["photos"])
        return {"results": [one | more | {"models": [one["model"]]} for one in told]}

    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)
    with worker(engine, work):
        result = dg.materialize(
            [analyzed_listings],
            partition_key=DAY,
            resources={"studio": studio},
            run_config={"ops": {"analyzed_listings": {"config": {"poll_s": 0.02}}}},
        )
    assert [job.type for job in jobs_of(engine)] == ["analyze_photos"] * 2
    wanted = {"all_completed": True, "no_photo_failed": True, "all_models_answered": False}
    assert checks_of(result) == wanted
    told = metadata_of(result)
    assert "| pool | 1 | 1 |" in told["tags"]
    assert f"| {TASK} | 1 | champion | 2 |" in told["models"]
