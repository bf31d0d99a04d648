"""What is older than the settings keep it goes, and nothing else; nothing grows for ever."""

import hashlib
import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, text

from serving.errors import ObjectNotFound
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel
from serving.jobs.retention import _LOCK, Retention
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.uploads import NewUpload, Quota, UploadStore, key_of_upload

DAY_S = 86_400.0
_TABLES = {
    "jobs": ("created_at", "completed_at"),
    "webhook_deliveries": ("updated_at",),
    "uploads": ("used_at",),
}


def age(engine: Engine, days: int) -> None:
    """Let all that was written lie back by so many days."""
    with engine.begin() as connection:
        for table, columns in _TABLES.items():
            back = f"make_interval(days => {days})"
            changes = ", ".join(f"{name} = {name} - {back}" for name in columns)
            connection.execute(text(f"UPDATE {table} SET {changes}"))


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def ended(engine: Engine, storage: Storage, client: str = "a", **fields: object) -> UUID:
    """A film that was made."""
    new = NewJob(KINDS["render_video"], {"photos": []}, client, **fields)  # type: ignore[arg-type]
    job = attempts.take(engine, submit(engine, new, 1000).job_id, uuid4())
    assert job is not None
    for name in ("16x9.mp4", "16x9.jpg", "preview/playlist.m3u8"):
        storage.write(f"films/{job.id}/{name}", b"film")
    attempts.complete(engine, job, {"films": []})
    return job.id


def waiting(engine: Engine, said: dict[str, object] | None = None, client: str = "a") -> UUID:
    new = NewJob(KINDS["classify_photos"], said or {"photos": ["a.jpg"]}, client)
    return submit(engine, new, 1000).job_id


def upload(engine: Engine, storage: Storage, data: bytes = b"photo", client: str = "a") -> UUID:
    store = UploadStore(engine, storage, Quota(10**9, 10**9, 100))
    new = NewUpload(client, "image/jpeg")
    sha256 = hashlib.sha256(data).hexdigest()
    return store.keep(new, sha256, len(data), lambda key: storage.write(key, data))[0].id


def test_jobs_go_with_all_they_made_once_they_are_old_and_live_ones_stay(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    old = ended(engine, storage, idempotency_key="k")
    live = waiting(engine)
    age(engine, days=181)
    new = ended(engine, storage)
    removed = Retention(settings, engine, storage).tidy(10)
    assert removed.counts["jobs"] == 1
    assert removed.counts["objects"] == 3
    assert list(storage.keys(f"films/{old}/")) == []
    assert len(list(storage.keys(f"films/{new}/"))) == 3
    with engine.connect() as connection:
        left = set(connection.scalars(text("SELECT id FROM jobs")))
        assert left == {live, new}
        for table in ("job_events", "webhook_deliveries"):
            rows = text(f"SELECT count(*) FROM {table} WHERE job_id = :old")
            assert connection.scalar(rows, {"old": old}) == 0
    # its key is free again
    assert ended(engine, storage, idempotency_key="k") not in (old, new)


def test_a_job_of_a_newer_release_waits_for_it_and_holds_nothing_up(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    newer, old = ended(engine, storage), ended(engine, storage)
    newer_type = text("UPDATE jobs SET type = 'draw_plans' WHERE id = :id")
    with engine.begin() as connection:
        connection.execute(newer_type, {"id": newer})
    age(engine, days=181)
    assert Retention(settings, engine, storage).tidy(10).counts["jobs"] == 1
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM jobs")).all() == [newer]
    assert list(storage.keys(f"films/{old}/")) == []
    assert len(list(storage.keys(f"films/{newer}/"))) == 3


@pytest.mark.parametrize(("ages", "films"), [({"films_max_age_s": 7 * DAY_S}, 0), ({}, 3)])
def test_films_may_go_before_their_job(
    settings: Settings, engine: Engine, storage: Storage, ages: dict[str, float], films: int
) -> None:
    job_id = ended(engine, storage)
    age(engine, days=8)
    retention = Retention(settings.model_copy(update=ages), engine, storage)
    retention.tidy(10)
    assert retention.tidy(10).counts == {}
    assert len(list(storage.keys(f"films/{job_id}/"))) == films
    assert count(engine, "jobs") == 1


def test_an_age_of_0_keeps_for_ever(settings: Settings, engine: Engine, storage: Storage) -> None:
    kinds = ("jobs", "films", "deliveries", "uploads", "stages", "kits", "erasures")
    ever = settings.model_copy(update={f"{kind}_max_age_s": 0.0 for kind in kinds})
    ended(engine, storage)
    upload(engine, storage)
    with engine.begin() as connection:
        connection.execute(text("UPDATE webhook_deliveries SET status = 'delivered'"))
    age(engine, days=100_000)
    assert Retention(ever, engine, storage).tidy(10).counts == {}


def test_callbacks_that_are_settled_go_and_those_that_are_owed_stay(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    delivered, owed = ended(engine, storage), ended(engine, storage)
    with engine.begin() as connection:
        change = "UPDATE webhook_deliveries SET status = 'delivered' WHERE job_id = :id"
        connection.execute(text(change), {"id": delivered})
    age(engine, days=31)
    assert Retention(settings, engine, storage).tidy(10).counts == {"deliveries": 1}
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT job_id FROM webhook_deliveries")) == owed


def test_uploads_go_when_nothing_used_them_for_long_but_not_from_under_a_job(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    unused, needed = upload(engine, storage, b"1"), upload(engine, storage, b"2")
    job_id = waiting(engine, {"photos": [key_of_upload(needed)]})
    age(engine, days=31)
    retention = Retention(settings, engine, storage)
    assert retention.tidy(10).counts == {"uploads": 1}
    assert not storage.exists(key_of_upload(unused))
    assert storage.exists(key_of_upload(needed))
    cancel(engine, job_id)
    assert retention.tidy(10).counts["uploads"] == 1
    assert count(engine, "uploads") == 0


def test_an_upload_that_a_request_names_is_young_again(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    used = upload(engine, storage)
    age(engine, days=31)
    cancel(engine, waiting(engine, {"photos": [key_of_upload(used)]}))
    assert Retention(settings, engine, storage).tidy(10).counts == {}


def test_unfinished_uploads_go_after_a_day_with_their_parts(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    store = UploadStore(engine, storage, Quota(10**9, 10**9, 100))
    row = store.begin(NewUpload("a", "text/plain"), 10)
    (tmp_path / "part").write_bytes(b"12345")
    store.add_part(row.id, 0, tmp_path / "part")
    retention = Retention(settings, engine, storage)
    assert retention.tidy(10).counts == {}
    with engine.begin() as connection:
        connection.execute(text("UPDATE uploads SET used_at = now() - interval '25 hours'"))
    assert retention.tidy(10).counts == {"uploads": 1}
    assert list(storage.keys("upload-parts/")) == []


def test_stages_that_no_row_names_go_by_their_age(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    for key in ("stages/mix/old", "stages/mix/new", f"uploads/{'0a' * 32}", "listings/old.jpg"):
        storage.write(key, b"x")
    long_ago = time.time() - 31 * DAY_S
    for key in ("stages/mix/old", f"uploads/{'0a' * 32}", "listings/old.jpg"):
        path = storage.url_for(key).removeprefix("file://")
        os.utime(path, (long_ago, long_ago))
    retention = Retention(settings, engine, storage)
    counts = [retention.tidy(10).counts for _ in range(3)]
    assert sum(found.get("stages", 0) for found in counts) == 2
    assert list(storage.keys()) == ["listings/old.jpg", "stages/mix/new"]


def test_one_process_at_a_time_removes(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    ended(engine, storage)
    age(engine, days=200)
    retention = Retention(settings, engine, storage)
    with engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        assert retention.tidy(1).counts == {}
    assert retention.tidy(10).counts["jobs"] == 1


def test_many_go_in_small_batches_within_the_time_given(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    for _ in range(45):
        cancel(engine, waiting(engine))
    age(engine, days=200)
    retention = Retention(settings, engine, storage)
    assert retention.tidy(0).counts == {}
    assert retention.tidy(30).counts["jobs"] == 45
    assert count(engine, "job_events") == 0


def test_an_upload_that_is_deleted_while_a_job_names_it_is_not_found(
    engine: Engine, storage: Storage
) -> None:
    upload_id, deleted = upload(engine, storage), []

    @event.listens_for(engine, "before_cursor_execute")
    def _delete_first(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE uploads") and not deleted:
            deleted.append(upload_id)
            UploadStore(engine, storage, Quota(10**9, 10**9, 100)).remove([upload_id])

    with pytest.raises(ObjectNotFound):
        waiting(engine, {"photos": [key_of_upload(upload_id)]})
    assert (deleted, count(engine, "jobs")) == ([upload_id], 0)
