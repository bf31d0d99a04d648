"""What was given up is listed and arrives when it is replayed; each end of a job is told."""

import os
import subprocess
import sys
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel, redrive
from serving.jobs.outbox import replay
from serving.jobs.submit import NewJob, submit
from serving.jobs.webhooks import Schedule, Sender
from serving.operations.command_line import list_deliveries
from serving.settings import Settings
from tests.serving.jobs.receivers import (
    Receiver,
    begin,
    deliver,
    end_id,
    finish,
    give_up,
    only,
    rows,
)


def test_what_is_given_up_is_listed_and_arrives_when_replayed_under_its_id(
    engine: Engine, receiver: Receiver, sender: Sender
) -> None:
    job = finish(engine)
    receiver.trouble(fail_percent=100, fail_status=429)
    deliver(engine, sender, Schedule(0.01, 0.01, attempts=3))
    letter = only(engine)
    assert letter.status == "dead"
    assert (letter.id, letter.attempt, letter.last_status) == (end_id(job), 3, 429)
    assert end_id(job) in list_deliveries(engine, dead=True, limit=10)
    assert letter.last_error is not None
    assert letter.last_error.startswith("429 Too Many Requests: {")
    receiver.trouble()
    with engine.begin() as connection:
        assert replay(connection, letter.id)
        assert not replay(connection, "msg_unknown")
    assert end_id(job) not in list_deliveries(engine, dead=True, limit=10)
    deliver(engine, sender)
    assert set(receiver.deliveries()) == {end_id(job)}


def test_the_newest_dead_letters_are_listed_first(engine: Engine) -> None:
    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    listed = list_deliveries(engine, dead=True, limit=2)
    assert listed.index(end_id(jobs[2])) < listed.index(end_id(jobs[1]))
    assert end_id(jobs[0]) not in listed


@pytest.mark.slow
def test_the_command_lists_what_was_given_up_and_replays_all_or_some(
    engine: Engine, settings: Settings
) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "serving.operations", *words],
            env=os.environ | {"DATABASE_URL": str(settings.database_url), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    jobs = [finish(engine) for _ in range(3)]
    give_up(engine, jobs)
    listed = command("deliveries", "--dead").stdout
    assert all(end_id(job) in listed for job in jobs)
    assert "the line was cut" in listed
    some = command("replay", end_id(jobs[0]), "msg_unknown")
    assert (some.returncode, some.stdout.splitlines()[-1]) == (1, "1 done, 1 not")
    assert "msg_unknown\tnot done: there is no delivery" in some.stderr
    assert command("replay", "--all-dead").stdout.splitlines()[-1] == "2 done"
    assert not any(end_id(job) in command("deliveries", "--dead").stdout for job in jobs)
    assert command("replay").returncode == 2
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
    new = NewJob(KINDS["stage_photos"], {}, client="test")
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
