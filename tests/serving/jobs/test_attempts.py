"""An attempt is a fence: a job has one outcome, whoever comes back late."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from serving.errors import BadInput, Cancelled, Overtaken, UnknownJob
from serving.jobs import attempts, manage
from serving.jobs.attempts import Retries, take
from tests.serving.jobs.conftest import Submit, begin, rows

RETRIES = Retries(failures=3, first_s=0.0, longest_s=0.0)
ERROR = {"title": "DownloadFailed", "detail": "no answer", "reason": "transient"}


def deliveries(engine: Engine, job_id: UUID) -> list[tuple[object, ...]]:
    return rows(
        engine,
        "SELECT event, terminal, status FROM webhook_deliveries "
        "WHERE job_id = :id ORDER BY created_at",
        id=job_id,
    )


def kinds(engine: Engine, job_id: UUID) -> list[object]:
    found = rows(engine, "SELECT kind FROM job_events WHERE job_id = :id ORDER BY id", id=job_id)
    return [kind for (kind,) in found]


def test_a_job_is_taken_once(engine: Engine, new_job: Submit) -> None:
    job_id = new_job()
    assert take(engine, job_id, uuid4()) is not None
    assert take(engine, job_id, uuid4()) is None
    assert take(engine, uuid4(), uuid4()) is None


def test_an_end_is_written_with_its_event_and_its_callback(engine: Engine, new_job: Submit) -> None:
    job = begin(engine, new_job(), uuid4())
    attempts.complete(engine, job, {"results": []})
    attempts.complete(engine, job, {"results": []})  # its answer was lost: it is written again
    stored = manage.read_job(engine, job.id)
    assert (stored.status, stored.result) == ("completed", {"results": []})
    assert kinds(engine, job.id) == ["accepted", "started", "completed"]
    assert deliveries(engine, job.id) == [("classification-complete", True, "pending")]


def test_an_attempt_that_was_overtaken_writes_nothing(engine: Engine, new_job: Submit) -> None:
    old = begin(engine, new_job("render_video"), uuid4())
    attempts.hand_back(engine, old)
    new = begin(engine, old.id, uuid4())
    assert (old.attempt, new.attempt) == (1, 2)
    for write in (
        lambda: attempts.complete(engine, old, {"stale": True}),
        lambda: attempts.fail(engine, old, ERROR),
        lambda: attempts.end_cancelled(engine, old),
        lambda: attempts.retry(engine, old, ERROR, RETRIES),
        lambda: attempts.hand_back(engine, old),
        lambda: attempts.report_progress(engine, old, {"done": 9}),
        lambda: attempts.pin(engine, old, {"a": "b"}),
    ):
        before = rows(engine, "SELECT count(*) FROM queue.procrastinate_jobs")
        with pytest.raises(Overtaken):
            write()
        assert rows(engine, "SELECT count(*) FROM queue.procrastinate_jobs") == before
    attempts.complete(engine, new, {"fresh": True})
    assert manage.read_job(engine, new.id).result == {"fresh": True}
    assert [row[0] for row in deliveries(engine, new.id)] == ["video-complete"]


def test_transient_errors_are_tried_again_until_they_are_too_many(
    engine: Engine, new_job: Submit
) -> None:
    job_id = new_job()
    for number in (1, 2):
        job = begin(engine, job_id, uuid4())
        assert job.failures == number - 1
        assert attempts.retry(engine, job, ERROR, RETRIES) == 0.0
    assert attempts.retry(engine, begin(engine, job_id, uuid4()), ERROR, RETRIES) is None
    failed = manage.read_job(engine, job_id)
    assert failed.status == "failed"
    assert failed.error == ERROR | {"failures": 3}
    assert [row[0] for row in deliveries(engine, job_id)] == ["job-failed"]


@given(st.integers(1, 200), st.floats(0.01, 100), st.floats(0.01, 1e5))
def test_the_wait_doubles_and_never_passes_its_limit(
    failures: int, first_s: float, longest_s: float
) -> None:
    delay_s = Retries(9, first_s, longest_s).delay_s(failures)
    whole = min(longest_s, first_s * 2.0 ** (failures - 1))
    assert whole / 2 <= delay_s <= whole


def test_a_waiting_job_is_cancelled_at_once(engine: Engine, new_job: Submit) -> None:
    job_id = new_job()
    assert manage.cancel(engine, job_id, "backend").status == "cancelled"
    assert take(engine, job_id, uuid4()) is None
    assert [row[0] for row in deliveries(engine, job_id)] == ["job-failed"]
    # once more changes nothing
    assert manage.cancel(engine, job_id).status == "cancelled"
    assert len(deliveries(engine, job_id)) == 1


def test_a_running_job_hears_that_it_was_cancelled(engine: Engine, new_job: Submit) -> None:
    job = begin(engine, new_job(), uuid4())
    assert manage.cancel(engine, job.id).status == "processing"
    with pytest.raises(Cancelled):
        attempts.report_progress(engine, job, {"done": 1})
    attempts.end_cancelled(engine, job)
    assert manage.read_job(engine, job.id).status == "cancelled"


def test_nobody_sees_or_cancels_anothers_job(engine: Engine, new_job: Submit) -> None:
    job_id = new_job()
    with pytest.raises(UnknownJob):
        manage.read_job(engine, job_id, "other")
    with pytest.raises(UnknownJob):
        manage.cancel(engine, job_id, "other")
    assert manage.read_job(engine, job_id).status == "pending"


def test_a_failed_job_runs_again_and_tells_of_its_new_end(engine: Engine, new_job: Submit) -> None:
    job = begin(engine, new_job(), uuid4())
    attempts.fail(engine, job, ERROR)
    again = manage.redrive(engine, job.id)
    assert (again.status, again.error, again.failures) == ("pending", None, 0)
    attempts.complete(engine, begin(engine, job.id, uuid4()), {"results": []})
    assert [row[0] for row in deliveries(engine, job.id)] == [
        "job-failed",
        "classification-complete",
    ]
    with pytest.raises(BadInput, match="only a failed one"):
        manage.redrive(engine, job.id)


def test_the_first_attempts_model_versions_hold(engine: Engine, new_job: Submit) -> None:
    job = begin(engine, new_job(), uuid4())
    assert attempts.pin(engine, job, {"room-classifier": "1"}) == {"room-classifier": "1"}
    later = attempts.pin(engine, job, {"room-classifier": "2", "depth": "5"})
    assert later == {"room-classifier": "1", "depth": "5"}


def test_progress_that_was_not_delivered_makes_room_for_newer_and_for_the_end(
    engine: Engine, new_job: Submit
) -> None:
    job = begin(engine, new_job("render_video"), uuid4())
    for done in (1, 2, 3):
        attempts.report_progress(engine, job, {"done": done})
    assert [row[2] for row in deliveries(engine, job.id)] == ["superseded", "superseded", "pending"]
    attempts.complete(engine, job, {})
    assert deliveries(engine, job.id)[2:] == [
        ("video-progress", False, "superseded"),
        ("video-complete", True, "pending"),
    ]


def test_jobs_are_listed_page_by_page_without_a_gap(engine: Engine, new_job: Submit) -> None:
    made = {new_job(listing_id=str(number % 2)) for number in range(7)}
    seen: list[UUID] = []
    cursor: str | None = None
    while True:
        page = manage.list_jobs(engine, manage.Filter(client="backend"), 3, cursor)
        seen += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == made
    odd = manage.list_jobs(engine, manage.Filter(listing_id="1"), 50)
    assert len(odd.jobs) == 3
    assert not manage.list_jobs(engine, manage.Filter(client="other"), 50).jobs


@pytest.mark.parametrize("cursor", ["", "x", "e30", "WzFd", "é", "bnVsbA"])
def test_a_made_up_cursor_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(BadInput):
        manage.list_jobs(engine, manage.Filter(), 10, cursor)
