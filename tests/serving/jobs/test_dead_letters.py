"""What was given up is listed and arrives when it is replayed; each end of a job is told."""

import os
import subprocess
import sys
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from serving.jobs import attempts
from serving.jobs.control import cancel, redrive
from serving.jobs.dead_letters import replay_all
from serving.jobs.kinds import KINDS
from serving.jobs.outbox import dead_letters, replay
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Schedule, Sender
from serving.settings import Settings
from tests.serving.jobs.receivers import Receiver, begin, deliver, end_id, finish, give_up, rows


def test_what_is_given_up_is_listed_and_arrives_when_replayed_under_its_id(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine)
    receiver.trouble(fail_percent=100, fail_status=429)
    deliver(engine, sender, Schedule(0.01, 0.01, attempts=3))
    with engine.begin() as connection:
        (letter,) = dead_letters(connection)
    assert (letter.id, letter.attempt, letter.last_status) == (end_id(job), 3, 429)
    assert letter.last_error is not None
    assert letter.last_error.startswith("429 Too Many Requests: {")
    receiver.trouble()
    with engine.begin() as connection:
        assert replay(connection, letter.id)
        assert not replay(connection, "msg_unknown")
        assert dead_letters(connection) == []
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job)}


def test_the_newest_dead_letters_are_listed_first(engine: Engine) -> None:
    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    with engine.begin() as connection:
        assert [row.job_id for row in dead_letters(connection, limit=2)] == [
            jobs[2].id,
            jobs[1].id,
        ]


@pytest.mark.slow
def test_the_command_lists_what_was_given_up_and_replays_all_or_some(
    engine: Engine, settings: Settings
) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "serving.jobs.dead_letters", *words],
            env=os.environ | {"DATABASE_URL": str(settings.database_url), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    listed = command("list").stdout
    assert all(end_id(job) in listed for job in jobs)
    assert "tried 1x: the line was cut" in listed
    some = command("replay", end_id(jobs[0]), "msg_unknown")
    assert (some.returncode, some.stdout) == (1, "1 are sent again\n")
    assert "msg_unknown: no such delivery" in some.stderr
    assert command("replay", "--all").stdout == "2 are sent again\n"
    assert command("list").stdout == "none was given up\n"
    assert command("replay").returncode == 2
    assert {row.status for row in rows(engine)} == {"pending"}


def test_more_dead_letters_than_fit_one_transaction_are_all_replayed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.jobs.dead_letters._AT_ONCE", 2)
    give_up(engine, [finish(engine) for _ in range(5)])
    assert replay_all(engine) == 5
    assert {row.status for row in rows(engine)} == {"pending"}


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_job_that_does_not_end_well_is_told_of_as_job_failed(
    engine: Engine, receiver: Receiver, sender: Sender, end: str
) -> None:
    job = begin(engine)
    if end == "failed":
        attempts.fail(engine, job, {"title": "BadInput", "reason": "bad_input"})
    else:
        attempts.end_cancelled(engine, job)
    deliver(engine, sender)
    (row,) = receiver.deliveries().values()
    reason = "bad_input" if end == "failed" else "cancelled"
    assert row["event"] == "job-failed"
    assert row["payload"]["data"]["status"] == end
    assert row["payload"]["data"]["error"]["reason"] == reason


def test_a_job_cancelled_while_it_waits_is_told_of(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    new = NewJob(KINDS["stage_rooms"], {}, client="test")
    cancel(engine, submit(engine, new, 10).job_id)
    deliver(engine, sender)
    assert receiver.desk.inbox.statuses() == {"cancelled": 1}


def test_a_failed_job_that_is_run_again_has_two_ends_told_apart(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = begin(engine)
    attempts.fail(engine, job, {"reason": "internal"})
    deliver(engine, sender)
    redrive(engine, job.id)
    again = attempts.take(engine, job.id, uuid4())
    assert again is not None
    attempts.complete(engine, again, {})
    attempts.complete(engine, again, {})  # its answer was lost; no second event
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job), end_id(again)}
    assert receiver.desk.inbox.statuses() == {"completed": 1}
