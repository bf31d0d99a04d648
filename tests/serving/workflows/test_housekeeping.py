"""Between jobs a worker shares what it learned and lets go of what is old."""

import time
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, create_engine

from serving.jobs import attempts
from serving.jobs.erasure import read_erasure, request_erasure, unfinished
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.clips import ClipStore
from serving.storage.interface import Storage
from serving.storage.scratch import Scratch
from serving.workflows.housekeeping import Housekeeping
from serving.workflows.run import Parts


def parts_of(settings: Settings, engine: Engine, storage: Storage, folder: Path) -> Parts:
    rooms = LocalPredictor(LocalModels(storage))
    return Parts(settings, engine, storage, Scratch(folder, 10**6), rooms)


def test_new_answers_are_shared_within_moments_and_at_the_end(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    answers = Answers(engine, 100)
    housekeeping = Housekeeping(parts_of(settings, engine, storage, tmp_path), answers)
    housekeeping.start()
    answers.put("early", "t", "1@a", {"x": 1})
    until = time.monotonic() + 20
    while Answers(engine, 100).get("early", "t", "1@a") is None:
        assert time.monotonic() < until, "it was never shared"
        time.sleep(0.05)
    answers.put("late", "t", "1@a", {"x": 2})
    housekeeping.stop()
    assert Answers(engine, 100).get("late", "t", "1@a") == {"x": 2}


def test_clips_and_answers_beyond_their_limits_go(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    small = settings.model_copy(update={"clips_max_bytes": 150})
    store, answers = ClipStore(engine, storage), Answers(engine, keep=1)
    for number in range(3):
        store.put(f"{number:064}", b"x" * 100)
        answers.put(str(number), "t", "1@a", {})
        answers.flush()
    Housekeeping(parts_of(small, engine, storage, tmp_path), answers).clean()
    assert store.statistics().clips == 1
    left = Answers(engine, 1)
    assert sum(left.get(str(number), "t", "1@a") is not None for number in range(3)) == 1


def test_what_a_client_wants_erased_is_erased_by_whichever_worker_is_there(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    new = NewJob(KINDS["render_video"], {"photos": []}, "backend", "42")
    job = attempts.take(engine, submit(engine, new, 10).job_id, uuid4())
    assert job is not None
    erasure_id = request_erasure(engine, "backend", listing_id="42")
    housekeeping = Housekeeping(parts_of(settings, engine, storage, tmp_path), None)
    housekeeping.erase()
    assert read_erasure(engine, erasure_id).finished_at is None, "its worker has yet to hear"
    attempts.end_cancelled(engine, job)
    housekeeping.erase()
    assert read_erasure(engine, erasure_id).erased == {"jobs": 1}
    assert unfinished(engine) == []


def test_a_database_that_is_away_ends_nothing(
    settings: Settings, storage: Storage, tmp_path: Path
) -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    housekeeping = Housekeeping(parts_of(settings, away, storage, tmp_path), Answers(away, 1))
    housekeeping.start()
    time.sleep(0.7)
    assert housekeeping._thread.is_alive()
    housekeeping.stop()
