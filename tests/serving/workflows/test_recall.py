"""What a version taken back answered is answered again by the champion; only changes are told."""

import dataclasses
import hashlib
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, select, update

from registry.bootstrap import STARTERS
from serving.card import ModelCard
from serving.db.canary_tables import KeptPhoto, Prediction
from serving.db.tables import Job, Json, WebhookDelivery
from serving.image import PhotoFile
from serving.jobs.manage import read_job
from serving.jobs.recall import LOOKS_AFTER_S, recall
from serving.licences import LicencePolicy
from serving.models.local import LocalModels
from serving.models.observe import open_observer
from serving.models.observed import About, Beside, Observed, Picture, Said
from serving.models.predictor import LocalPredictor, or_raise
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.photos.quality.task import PHOTO_QUALITY
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.workflows import WORKFLOWS
from serving.workflows.runner import Runner
from tests.fakes import BLUE, RED, TASK, jpeg, publish
from tests.serving.workflows.harness import JobHarness

WRONG = "9"
Add = Callable[..., str]


def answer(label: str, confidence: float = 0.9) -> Json:
    """Return what the room classifier said, sure of one of the three colours."""
    rest = (1 - confidence) / 2
    scores = {name: rest for name in ("red", "green", "blue")} | {label: confidence}
    return {
        "room_type": label,
        "confidence": confidence,
        "confident": True,
        "scores": scores,
        "scene": "exterior" if label == "green" else "interior",
    }


@pytest.fixture
def add(engine: Engine) -> Add:
    """Add what a version said of a photo; returns the content's hash."""

    def add(label: str = "green", data: bytes = b"", **fields: object) -> str:
        row: Json = {
            "task": TASK,
            "slot": "challenger",
            "version": WRONG,
            "content_sha256": photo_hash(data),
            "listing_key": "42",
            "listing_id": "42",
            "client": "backend",
            "answer": answer(label),
        }
        with engine.begin() as connection:
            connection.execute(insert(Prediction).values(row | fields))
        return str(row["content_sha256"])

    return add


def read_photo(data: bytes) -> PhotoFile:
    return PhotoFile(data, 10**6)


def photo_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def run_all(harness: JobHarness) -> list[Job]:
    """Run what is due until nothing is; return the jobs of listings."""
    engine = harness.parts.engine
    runner = Runner(harness.parts, WORKFLOWS, uuid4())
    with engine.connect() as connection:
        ids = list(connection.scalars(select(Job.id).where(Job.run_at <= Job.created_at)))
    for job_id in ids:
        job = runner.take(job_id)
        if job is not None:
            runner.run(job, lambda: None)
    with engine.connect() as connection:
        found = list(connection.scalars(select(Job.id).where(Job.type == "recall_listing")))
    if set(found) <= set(ids):
        return [read_job(engine, job_id) for job_id in found]
    return run_all(harness)


def result_of(job: Job) -> Json:
    assert job.result is not None
    return job.result


def callbacks(engine: Engine) -> list[Json]:
    with engine.connect() as connection:
        return list(connection.scalars(select(WebhookDelivery.payload)))


def test_recall_tells_what_the_champion_says_instead(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    add(data=jpeg(RED), photo="a.jpg")
    recall(engine, TASK, WRONG)
    (job,) = run_all(harness)
    (told,) = callbacks(engine)
    assert told["type"] == "classification-changed"
    assert told["data"]["listing_id"] == "42"
    (changed,) = told["data"]["result"]["photos"]
    assert (changed["photo"], changed["from"], changed["changed"]) == ("a.jpg", "photo", True)
    assert (changed["was"]["room_type"], changed["now"]["room_type"]) == ("green", "red")
    assert (job.client, result_of(job)["champion"]) == ("backend", "1")


def test_recall_calls_nobody_back_where_nothing_changed(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    now = or_raise(harness.parts.predictor.predict(ROOM_CLASSIFIER, [read_photo(jpeg(RED))])[0])
    add(data=jpeg(RED), photo="a.jpg", answer=ROOM_CLASSIFIER.answer.dump_python(now.answer))
    recall(engine, TASK, WRONG)
    (job,) = run_all(harness)
    assert (job.status, result_of(job)["changed"], result_of(job)["unchanged"]) == (
        "completed",
        0,
        1,
    )
    assert callbacks(engine) == []


def test_a_label_that_stays_while_its_score_moves_is_a_change(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    add(data=jpeg(RED), photo="a.jpg", answer=answer("red", 0.5))
    recall(engine, TASK, WRONG)
    (job,) = run_all(harness)
    (photo,) = result_of(job)["photos"]
    assert photo["now"]["room_type"] == "red"
    assert (photo["changed"], len(callbacks(engine))) == (True, 1)


def test_recall_trusts_the_pair_before_other_answers_and_those_before_pixels(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    pair = uuid4()
    contents = [b"paired", b"answered", jpeg(BLUE), b"kept"]
    storage.write("blue.jpg", jpeg(BLUE))
    storage.write("kept/red.webp", jpeg(RED))
    champion: Json = {"version": "1", "slot": "champion", "role": "paired"}
    add(data=b"paired", pair_id=pair, photo="gone.jpg")
    add("blue", data=b"paired", pair_id=pair, **champion)
    add("red", data=b"paired", **champion | {"listing_key": "other"})
    add(data=b"answered")
    add("blue", data=b"answered", **champion | {"listing_key": "other"})
    add(data=jpeg(BLUE), photo="blue.jpg")
    add(data=b"kept")
    kept = {"content_sha256": photo_hash(b"kept"), "client": "backend", "listing_key": "42"}
    with engine.begin() as connection:
        connection.execute(
            insert(KeptPhoto).values(kept | {"object_key": "kept/red.webp", "bytes": 9})
        )
    recall(engine, TASK, WRONG)
    (job,) = run_all(harness)
    by_content = {photo["content_sha256"]: photo for photo in result_of(job)["photos"]}
    found = [by_content[photo_hash(data)] for data in contents]
    assert [(photo["from"], photo["now"]["room_type"]) for photo in found] == [
        ("pair", "blue"),
        ("kept_answer", "blue"),
        ("photo", "blue"),
        ("kept_picture", "red"),
    ]


def test_recall_tells_of_photos_that_are_gone_or_were_replaced(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("other.jpg", jpeg(BLUE))
    add(data=b"raw")
    add(data=b"gone", photo="gone.jpg")
    add(data=jpeg(RED), photo="other.jpg")
    recall(engine, TASK, WRONG)
    (job,) = run_all(harness)
    assert (job.status, result_of(job)["unknown"]) == ("completed", 3)
    assert [photo["now"] for photo in result_of(job)["photos"]] == [None] * 3
    assert all(photo["error"]["detail"] for photo in result_of(job)["photos"])


def test_each_client_hears_of_its_own_listings_only(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    for client, key in (("one", "42"), ("two", "42"), ("one", "43")):
        add(data=jpeg(RED), photo="a.jpg", client=client, listing_key=key, listing_id=key)
    recall(engine, TASK, WRONG)
    jobs = run_all(harness)
    assert {(job.client, job.listing_id) for job in jobs} == {
        ("one", "42"), ("two", "42"), ("one", "43"),
    }  # fmt: skip
    assert all(len(result_of(job)["photos"]) == 1 for job in jobs)


def test_a_recall_asked_for_twice_is_done_once_and_a_late_answer_is_found(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    add(data=jpeg(RED), photo="a.jpg")
    first = recall(engine, TASK, WRONG)
    assert recall(engine, TASK, WRONG) == first
    assert len(first) == len(LOOKS_AFTER_S)
    assert len(run_all(harness)) == 1
    add(data=jpeg(RED), photo="a.jpg", listing_key="43", listing_id="43")
    with engine.begin() as connection:
        connection.execute(update(Job).where(Job.id == first[1]).values(run_at=Job.created_at))
    assert sorted(str(job.listing_id) for job in run_all(harness)) == ["42", "43"]


def test_a_worker_that_still_has_the_version_taken_back_waits(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    storage.write("a.jpg", jpeg(RED))
    add(data=jpeg(RED), photo="a.jpg", version="1")
    recall(engine, TASK, "1")
    (job,) = run_all(harness)
    assert (job.status, job.failures, job.versions) == ("pending", 1, None)


def test_a_listing_that_was_erased_meanwhile_is_not_recalled(
    harness: JobHarness, engine: Engine, add: Add
) -> None:
    add(data=b"raw")
    recall(engine, TASK, WRONG)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM predictions")
    assert run_all(harness) == []


def test_the_list_of_listings_calls_nobody_back_however_it_ends(
    harness: JobHarness, engine: Engine
) -> None:
    first = recall(engine, TASK, WRONG)[0]
    runner = Runner(harness.parts, {}, uuid4())
    for _ in range(3):
        with engine.begin() as connection:
            connection.execute(update(Job).where(Job.id == first).values(run_at=Job.created_at))
        job = runner.take(first)
        assert job is not None
        runner.run(job, lambda: None)
    assert read_job(engine, first).status == "failed"
    assert callbacks(engine) == []


def test_answers_whose_maps_were_left_out_are_compared_by_their_hashes(
    harness: JobHarness, engine: Engine, add: Add
) -> None:
    def heard(sha256: str) -> Json:
        kind = "application/x-npy+deflate"
        return {"probabilities": {"media_type": kind, "data": "", "key": "", "sha256": sha256}}

    of: Json = {"task": "beat-tracker"}
    champion: Json = of | {"version": "1", "slot": "champion", "role": "paired"}
    for data, theirs in ((b"same", "a"), (b"other", "b")):
        pair = uuid4()
        add(data=data, pair_id=pair, answer=heard("a"), **of)
        add(data=data, pair_id=pair, answer=heard(theirs), **champion)
    add(data=b"alone", answer=heard("a"), **of)
    recall(engine, "beat-tracker", WRONG)
    (job,) = run_all(harness)
    result = result_of(job)
    assert (result["unchanged"], result["changed"], result["unknown"]) == (1, 1, 1)


def test_what_an_observer_wrote_is_what_a_recall_reads(
    harness: JobHarness, engine: Engine, storage: Storage, settings: Settings
) -> None:
    """Answered by a challenger, paired with the champion, and its small picture kept."""
    predictor, observer = harness.parts.predictor, open_observer(settings, engine, storage)
    champion = predictor.find(ROOM_CLASSIFIER)
    for number, paired in enumerate((True, False)):
        source = read_photo(jpeg(RED, 200 + number))
        right = or_raise(predictor.predict(ROOM_CLASSIFIER, [source], champion)[0])
        assert isinstance(right.answer, RoomAnswer)
        wrong = dataclasses.replace(
            right,
            answer=ROOM_CLASSIFIER.answer.validate_python(answer("green")),
            version=WRONG,
            slot="challenger",
        )
        about = About(ROOM_CLASSIFIER, source.sha256, f"home-{number}", f"home-{number}", "backend")
        beside = Beside("challenger", WRONG, 0.5)
        pair = uuid4() if paired else None
        theirs, ours = Said(right, champion.card), Said(wrong, champion.card)
        small = Picture(source.pixels(16), source.size)
        if pair:
            observer.observe(Observed(about, theirs, "paired", beside, pair))
        other = theirs if paired else None
        observer.observe(Observed(about, ours, "served", beside, pair, other, picture=small))
    observer.close()
    recall(engine, TASK, WRONG)
    found = {job.listing_id: result_of(job)["photos"][0] for job in run_all(harness)}
    assert found["home-0"]["from"] == "pair"
    assert all(photo["changed"] for photo in found.values() if photo["now"])
    assert [photo["was"]["room_type"] for photo in found.values()] == ["green", "green"]
    assert len(found) == 2


def test_a_model_that_sees_whole_photos_is_not_asked_about_small_pictures(
    harness: JobHarness, engine: Engine, storage: Storage, add: Add
) -> None:
    """The quality of a small picture is not that of its photo."""
    folder = STARTERS / PHOTO_QUALITY.name
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    row = publish(engine, storage, "1", (folder / "model.onnx").read_bytes(), card)
    models = LocalModels(storage, licences=LicencePolicy(production=False))
    models.apply({(PHOTO_QUALITY.name, "champion"): row})
    predictor = LocalPredictor(models)
    quality = JobHarness(dataclasses.replace(harness.parts, predictor=predictor))
    data = jpeg(RED, 300, 400)
    storage.write("a.jpg", data)
    storage.write("kept/red.webp", jpeg(RED))
    said = {"score": 1.0, "parts": {}, "hints": {}, "tilt_degrees": None}
    add(data=data, photo="a.jpg", task=PHOTO_QUALITY.name, answer=said)
    add(data=b"kept", task=PHOTO_QUALITY.name, answer=said)
    kept = {"content_sha256": photo_hash(b"kept"), "client": "backend", "listing_key": "42"}
    with engine.begin() as connection:
        connection.execute(
            insert(KeptPhoto).values(kept | {"object_key": "kept/red.webp", "bytes": 9})
        )
    recall(engine, PHOTO_QUALITY.name, WRONG)
    (job,) = run_all(quality)
    found = {photo["content_sha256"]: photo for photo in result_of(job)["photos"]}
    assert found[photo_hash(data)]["from"] == "photo"
    assert found[photo_hash(b"kept")]["now"] is None
