"""A workflow ends in exactly one outcome, and goes on where an earlier attempt stopped."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from serving.db.tables import Json
from serving.errors import BadInput, Cancelled, DownloadFailed, HandedBack, StorageUnavailable
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.models.remote import RemotePredictor
from serving.models.slots import read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.cache import Answers
from serving.storage.interface import Storage
from serving.workflows.run import Run
from serving.workflows.runner import Runner
from tests.fakes import BLUE, GREEN, RED, StubSession, colour_model, jpeg, publish
from tests.model_host import ModelHost
from tests.serving.workflows.harness import JobHarness, nothing, wait_until_due


def test_photos_are_classified_and_a_bad_one_fails_alone(
    harness: JobHarness, storage: Storage
) -> None:
    for name, colour in (("r", RED), ("g", GREEN), ("b", BLUE)):
        storage.write(f"{name}.jpg", jpeg(colour))
    storage.write("cut.jpg", jpeg(RED)[:100])
    photos = ["r.jpg", f"{storage.url}/g.jpg", "cut.jpg", "none.jpg", "http://10.0.0.1/x", "b.jpg"]
    job = harness.attempt(harness.submit(photos=photos))
    assert job.status == "completed", job.error
    assert job.result is not None
    results = job.result["results"]
    assert [result["photo"] for result in results] == photos
    rooms = [result.get("room_type") for result in results]
    assert rooms == ["red", "green", None, None, None, "blue"]
    assert [r["error"]["status"] for r in results if "error" in r] == [422, 404, 422]
    assert job.progress is not None
    wanted = {"done": 6, "total": 6, "unit": "photos", "share": 1.0, "remaining_s": 0.0}
    assert job.progress == wanted


def test_what_cannot_work_fails_at_once_and_what_may_work_is_tried_again(
    harness: JobHarness,
) -> None:
    failed = harness.fails_with(BadInput("no such thing"))
    assert failed.status == "failed"
    assert failed.error == {
        "title": "BadInput",
        "detail": "no such thing",
        "reason": "bad_input",
    }
    for error in (StorageUnavailable("s3"), DownloadFailed("host"), MemoryError(), OSError(28)):
        waiting = harness.fails_with(error)
        assert (waiting.status, waiting.failures) == ("pending", 1), error


def test_an_error_of_ours_fails_readably_and_keeps_its_words_to_the_log(
    harness: JobHarness, caplog: pytest.LogCaptureFixture
) -> None:
    failed = harness.fails_with(KeyError("/etc/secret"))
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["reason"] == "internal"
    assert "secret" not in str(failed.error)
    assert "/etc/secret" in caplog.text


def test_a_result_that_cannot_be_stored_fails_the_job(harness: JobHarness) -> None:
    failed = harness.attempt(harness.submit(photos=[]), lambda _: {"score": float("nan")})
    assert failed.status == "failed"


def test_a_type_nobody_knows_waits_for_a_worker_that_does(harness: JobHarness) -> None:
    job_id = harness.submit(photos=[])
    runner = Runner(harness.parts, {}, uuid4())
    job = runner.take(job_id)
    assert job is not None
    assert runner.run(job, nothing).status == "retried"


@pytest.mark.parametrize(
    ("stop", "status"), [(Cancelled("by hand"), "cancelled"), (HandedBack("going"), "pending")]
)
def test_a_running_attempt_ends_when_it_is_told_to(
    harness: JobHarness, storage: Storage, stop: Exception, status: str
) -> None:
    storage.write("a.jpg", jpeg(RED))

    def check() -> None:
        raise stop

    job = harness.attempt(harness.submit(photos=["a.jpg"]), check=check)
    assert (job.status, job.failures) == (status, 0)


def test_a_retry_goes_on_where_the_attempt_before_stopped(
    harness: JobHarness, storage: Storage, engine: Engine
) -> None:
    """A photo that was answered is not decoded or run through the model again."""
    session = StubSession(0, 0)
    models = LocalModels(
        storage, open_session=lambda _: session, tasks={ROOM_CLASSIFIER.name: ROOM_CLASSIFIER}
    )
    models.apply(read_slots(engine))
    predictor = CachedPredictor(LocalPredictor(models), Answers(engine, 1000))
    harness = JobHarness(replace(harness.parts, predictor=predictor))
    for number in range(60):
        storage.write(f"{number}.jpg", jpeg((number * 4, 0, 0)))
    warm = len(session.batches)
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 30:
            raise HandedBack("going")

    job_id = harness.submit(photos=[f"{number}.jpg" for number in range(60)])
    assert harness.attempt(job_id, check=check).status == "pending"
    before = len(session.batches) - warm
    assert 0 < before < 60
    assert harness.attempt(job_id).status == "completed"
    assert len(session.batches) - warm == 60


@pytest.fixture(params=["here", "service"])
def harness_of_models(
    request: pytest.FixtureRequest, harness: JobHarness, models: LocalModels
) -> Iterator[JobHarness]:
    """Jobs whose model is held here, or is a service's."""
    if request.param == "here":
        yield harness
        return
    host = ModelHost(ROOM_CLASSIFIER, models)
    predictor = CachedPredictor(RemotePredictor(host.url, fresh_s=0), Answers(None, 100))
    yield JobHarness(replace(harness.parts, predictor=predictor))
    host.close()


def test_an_attempt_keeps_the_model_version_that_the_first_one_found(
    harness_of_models: JobHarness, storage: Storage, engine: Engine, models: LocalModels
) -> None:
    harness = harness_of_models
    storage.write("a.jpg", jpeg(RED))
    job_id = harness.submit(photos=["a.jpg"])

    def first(run: Run) -> Json:
        run.pin_model(ROOM_CLASSIFIER)
        raise StorageUnavailable("s3")

    harness.attempt(job_id, first)
    publish(engine, storage, "2", colour_model(gain=4.0))
    models.apply(read_slots(engine))
    wait_until_due(engine)
    job = harness.attempt(job_id)
    assert job.result is not None
    assert job.result["results"][0]["model"]["version"] == "1"
    fresh = harness.attempt(harness.submit(photos=["a.jpg"]))
    assert fresh.result is not None
    assert fresh.result["results"][0]["model"]["version"] == "2"
    assert not fresh.result["results"][0]["cached"], "a new version knows nothing of the old one's"


def test_a_stage_is_made_once_for_the_same_inputs(harness: JobHarness) -> None:
    made = []

    def workflow(run: Run) -> Json:
        def make() -> bytes:
            made.append(1)
            return b"mask"

        first = run.stage("segment-1", {"photo": "abc", "version": "3"}, make)
        again = run.stage("segment-1", {"version": "3", "photo": "abc"}, make)
        other = run.stage("segment-1", {"photo": "abc", "version": "4"}, make)
        return {"same": first == again == other == b"mask"}

    for _ in range(2):
        job = harness.attempt(harness.submit(photos=[]), workflow)
        assert job.result == {"same": True}
    assert len(made) == 2


def test_what_cannot_be_downloaded_at_last_fails_alone(
    harness: JobHarness, storage: Storage
) -> None:
    """A photo behind a host that is down for good does not cost the listing its other photos."""
    storage.write("a.jpg", jpeg(RED))
    settings = harness.parts.settings.model_copy(
        update={"fetch_hosts": ("127.0.0.1",), "fetch_private": True}
    )
    parts = replace(harness.parts, settings=settings)
    harness = JobHarness(parts)
    job_id = harness.submit(photos=["a.jpg", "http://127.0.0.1:1/gone.jpg"])
    for _ in range(2):
        assert harness.attempt(job_id).status == "pending"
        wait_until_due(parts.engine)
    job = harness.attempt(job_id)
    assert job.status == "completed"
    assert job.result is not None
    assert [r.get("room_type") for r in job.result["results"]] == ["red", None]
    assert job.result["results"][1]["error"]["status"] == 502


def test_answers_are_shared_and_forgotten_in_order(engine: Engine) -> None:
    one, other = Answers(engine, keep=3), Answers(engine, keep=3)
    for number in range(5):
        one.put(f"{number}", "room-classifier", "1@a", {"number": number})
        one.flush()
    assert other.get("4", "room-classifier", "1@a") == {"number": 4}
    assert other.get("4", "room-classifier", "2@b") is None
    assert one.evict() == 2
    left = Answers(engine, keep=3)
    assert [left.get(f"{n}", "room-classifier", "1@a") is not None for n in range(5)] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_without_a_database_answers_are_remembered_and_nothing_breaks() -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    answers = Answers(away, keep=3)
    assert answers.get("a", "t", "1") is None
    answers.put("a", "t", "1", {"x": 1})
    assert answers.flush() == 1
    assert answers.get("a", "t", "1") == {"x": 1}
    with pytest.raises(OperationalError):
        away.connect()
