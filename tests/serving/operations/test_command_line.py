"""What operators see and do from the command line."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from serving.access.api_keys import create_key, describe_rotation, hash_key, live_keys, rotate_key
from serving.jobs import attempts
from serving.jobs.manage import read_job
from serving.operations import command_line
from serving.settings import Settings
from serving.storage.clips import ClipStore
from serving.storage.objects import storage_of
from tests.serving.jobs.conftest import Submit, begin, rows

Run = Callable[..., int]


@pytest.fixture
def run(engine: Engine, settings: Settings) -> Run:
    """Run a command line; its exit code."""

    def call(*words: object) -> int:
        asked = command_line.parser().parse_args([str(word) for word in words])
        return command_line.run(engine, settings, asked)

    return call


@pytest.fixture
def failed(engine: Engine, new_job: Submit, worker_id: UUID) -> Callable[..., UUID]:
    """Make a job that has failed."""

    def make(reason: str = "transient", detail: str = "the object storage did not answer") -> UUID:
        job = begin(engine, new_job(listing_id="42"), worker_id)
        attempts.fail(engine, job, {"title": "X", "detail": detail, "reason": reason})
        return job.id

    return make


def give_up(engine: Engine) -> list[str]:
    """Let every callback be a dead letter; their ids."""
    with engine.begin() as connection:
        statement = "UPDATE webhook_deliveries SET status = 'dead', last_error = '500 from backend'"
        connection.execute(text(statement))
    return [str(row[0]) for row in rows(engine, "SELECT id FROM webhook_deliveries ORDER BY id")]


def test_jobs_are_listed_with_what_went_wrong(
    run: Run,
    failed: Callable[..., UUID],
    new_job: Submit,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken, waiting = failed(detail="line one\nline two " + "x" * 200), new_job()
    assert run("jobs", "--status", "failed") == 0
    heads, line = capsys.readouterr().out.splitlines()
    assert heads.split() == [
        "job", "type", "status", "attempt", "client", "listing", "created", "error",
    ]  # fmt: skip
    assert str(broken) in line
    assert "transient: line one line two" in line
    assert len(line) < 220
    assert line.index("failed") == heads.index("status"), "columns stand below their heads"
    run("jobs")
    assert str(waiting) in capsys.readouterr().out


def test_named_jobs_run_again_and_the_others_are_told_why_not(
    run: Run, engine: Engine, failed: Callable[..., UUID], capsys: pytest.CaptureFixture[str]
) -> None:
    job = failed()
    assert run("redrive", job) == 0
    assert read_job(engine, job).status == "pending"
    assert run("redrive", job, uuid4(), "nonsense") == 1
    told = capsys.readouterr()
    assert "only a failed one" in told.err
    assert "there is no job" in told.err
    assert "not the id of a job" in told.err
    assert "0 done, 3 not" in told.out


def test_all_failed_jobs_run_again_or_those_of_one_reason(
    run: Run, engine: Engine, failed: Callable[..., UUID], capsys: pytest.CaptureFixture[str]
) -> None:
    lost, bad = failed("worker_lost"), failed("bad_input")
    assert run("redrive", "--all-failed", "--reason", "worker_lost") == 0
    assert read_job(engine, lost).status == "pending"
    assert read_job(engine, bad).status == "failed"
    assert run("redrive", "--all-failed") == 0
    assert read_job(engine, bad).status == "pending"
    assert run("redrive", "--all-failed") == 0
    assert "0 done" in capsys.readouterr().out


def test_jobs_are_cancelled_waiting_or_running(
    run: Run,
    engine: Engine,
    new_job: Submit,
    worker_id: UUID,
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting, running = new_job(), begin(engine, new_job(), worker_id).id
    assert run("cancel", waiting, running) == 0
    assert read_job(engine, waiting).status == "cancelled"
    assert read_job(engine, running).cancel_requested
    assert "its worker was asked to stop" in capsys.readouterr().out


def test_dead_letters_are_listed_and_sent_again(
    run: Run, engine: Engine, failed: Callable[..., UUID], capsys: pytest.CaptureFixture[str]
) -> None:
    failed()
    failed()
    assert run("deliveries") == 0
    assert capsys.readouterr().out.count("job-failed") == 2
    first, second = give_up(engine)
    run("deliveries")
    assert "job-failed" not in capsys.readouterr().out, "nothing is owed any more"
    run("deliveries", "--dead")
    listed = capsys.readouterr().out
    assert first in listed
    assert "500 from backend" in listed
    assert run("replay", first) == 0
    assert run("replay", first, "msg_nobody") == 1
    assert rows(engine, "SELECT id FROM webhook_deliveries WHERE status = 'dead'") == [(second,)]
    assert run("replay", "--all-dead") == 0
    assert rows(engine, "SELECT DISTINCT status FROM webhook_deliveries") == [("pending",)]
    entries = rows(
        engine, "SELECT count(*) FROM queue.procrastinate_jobs WHERE task_name = 'deliver'"
    )
    assert entries[0][0] == 4, "two when they came to be owed, two anew"


def test_queues_and_workers_show_what_is_live(
    run: Run,
    engine: Engine,
    new_job: Submit,
    failed: Callable[..., UUID],
    worker_id: UUID,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed()
    new_job()
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET run_at = now() - interval '1 hour'"))
    assert run("queues") == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if line.startswith("classify")]
    assert line.split()[:4] == ["classify", "1", "0", "0"]
    assert int(line.split()[4]) >= 3600
    assert "1 failed jobs, 0 dead letters" in told
    assert run("workers") == 0
    told = capsys.readouterr().out
    assert str(worker_id) in told
    assert told.rstrip().endswith("yes")


def test_kept_clips_are_shown_pinned_and_forgotten_by_photo(
    run: Run, engine: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = storage_of(settings)
    storage.write("listings/42/a.jpg", b"photo")
    photo = hashlib.sha256(b"photo").hexdigest()
    ClipStore(engine, storage).put("k" * 64, bytes(2**20), photo)
    assert run("pin", "listings/42/a.jpg") == 0
    assert run("clips") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "listings/42/a.jpg\t1 clips"
    assert told[2].split()[:5] == [photo, "1", "1.0", "MiB", "1"]
    assert told[-1] == "1 clips, 1.0 MiB, 1 pinned"
    assert run("unpin", photo) == run("forget", photo) == 0
    assert run("forget", "listings/42/none.jpg") == 1
    assert "none.jpg" in capsys.readouterr().err
    assert ClipStore(engine, storage).statistics().clips == 0


@pytest.mark.parametrize(
    "words", [[], ["redrive"], ["replay"], ["cancel"], ["jobs", "--status", "x"]]
)
def test_a_command_that_says_too_little_is_refused(run: Run, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        run(*words)


@pytest.mark.slow
def test_the_command_line_runs_by_itself(settings: Settings, engine: Engine) -> None:
    del engine
    command = [sys.executable, "-m", "serving.operations", "queues"]
    environment = {"DATABASE_URL": str(settings.database_url)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("queue")


def test_a_rotation_tells_which_key_ends_and_which_is_next(engine: Engine) -> None:
    first = create_key(engine, "backend")
    create_key(engine, "other")
    once = rotate_key(engine, "backend")
    assert once.ended == ()
    assert once.beside == (hash_key(first),)
    twice = rotate_key(engine, "backend")
    assert twice.ended == (hash_key(first),)
    assert twice.beside == (hash_key(once.key),)
    clients = list(live_keys(engine).values())
    assert sorted(clients) == ["backend", "backend", "other"]
    told = describe_rotation(twice, "backend").splitlines()
    assert told[0] == twice.key
    assert told[1].startswith(hash_key(first)[:12])
    assert "has ended now" in told[1]
    assert "next rotation" in told[2]
    assert once.key not in "\n".join(told), "a key is shown once"


def test_a_listing_is_erased_and_old_jobs_are_tidied_by_hand(
    run: Run,
    failed: Callable[..., UUID],
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed()
    assert run("erase", "42", "--client", "somebody else") == 0
    assert capsys.readouterr().out == "nothing\n"
    assert run("erase", "42", "--client", "backend") == 0
    assert capsys.readouterr().out == "1\tjobs\n"
    failed()
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET completed_at = now() - interval '200 days'"))
    assert run("tidy", "--seconds", "5") == 0
    assert "1\tjobs" in capsys.readouterr().out
