"""A day's batch of films goes through the workers' queue once, and is told of in full."""

import json
import os
import re
import signal
import threading
import time
from itertools import product
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import dagster as dg
import pytest
from pydantic import BaseModel
from sqlalchemy import Engine

from dagster_project.batches.bulk import Outcome
from dagster_project.batches.run import DAYS
from dagster_project.definitions import definitions
from dagster_project.defs.batch_files import new_batches
from dagster_project.defs.films.assets import listing_films, warm_clips
from dagster_project.defs.films.manifest import ClipBatch, FilmBatch, read_clips, read_films
from dagster_project.defs.films.show import film_metadata
from dagster_project.studio import Studio
from serving.db.tables import Job, Json
from serving.errors import BadInput, ObjectNotFound
from serving.jobs import attempts, manage
from serving.render.template_files import open_template, shipped_templates
from serving.requests.clip import ClipInput
from serving.requests.film import FilmInput
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.dagster_project.batches import (
    DAY,
    film,
    jobs_of,
    result_of,
    worker,
    write_batch,
)
from tests.fakes import jpeg

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Materialize(Protocol):
    """Runs an asset for a day."""

    def __call__(
        self, asset: dg.AssetsDefinition = listing_films, **config: float | str
    ) -> dg.ExecuteInProcessResult: ...


@pytest.fixture
def materialize(settings: Settings) -> Materialize:
    """Run an asset for a day, in the studio of the test."""
    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)

    def run(
        asset: dg.AssetsDefinition = listing_films, **config: float | str
    ) -> dg.ExecuteInProcessResult:
        options = {"poll_s": 0.02, "time_limit_s": 30.0} | config
        return dg.materialize(
            [asset],
            partition_key=DAY,
            resources={"studio": studio},
            run_config={"ops": {asset.op.name: {"config": options}}},
            raise_on_error=False,
        )

    return run


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (made,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in made.materialization.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def reason_of(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = (event for event in result.all_events if event.event_type_value == "STEP_FAILURE")
    data = failed.step_failure_data
    return str(data.user_failure_data.description if data.user_failure_data else data.error)


def test_every_film_becomes_a_bulk_job_and_is_shown_with_poster_and_page(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"), film("2", template="noir"))

    def work(job: Job) -> Json:
        storage.write(f"films/{job.id}/16x9-1080p30.jpg", jpeg(height=90, width=160))
        return result_of(job)

    with worker(engine, work):
        result = materialize(gateway_url="https://studio.example/")
    assert result.success
    assert checks_of(result) == {"all_completed": True, "no_photo_skipped": True}
    jobs = jobs_of(engine)
    asked = [(job.type, job.priority, job.client, job.listing_id) for job in jobs]
    assert asked == [("render_video", -50, "batch", listing_id) for listing_id in ("1", "2")]
    assert FilmInput.model_validate(jobs[1].input).template == "noir"
    told = metadata_of(result)
    assert (told["jobs"], told["completed"], told["films"]) == (2, 2, 2)
    assert told["seconds of film"] == 25.0
    assert told["table"].count("![poster](data:image/jpeg;base64,") == 2
    for job in jobs:
        assert f"https://studio.example/internal/jobs/{job.id}/page" in told["table"]


def test_the_same_day_again_makes_nothing_anew_but_what_had_failed(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"), film("2"))
    broken = {"2"}

    def work(job: Job) -> Json:
        if job.listing_id in broken:
            raise BadInput
        return result_of(job)

    with worker(engine, work) as taken:
        first = materialize()
        assert checks_of(first) == {"all_completed": False, "no_photo_skipped": True}
        assert not first.success, "a batch in which something is missing shows as failed"
        assert "1 of 2 jobs were not completed, of the listings 2" in reason_of(first)
        told = metadata_of(first)
        assert (told["completed"], told["failed"]) == (1, 1)
        assert "none of the 2 photos \\| can be read" in told["not completed"]
        broken.clear()
        second = materialize()
    assert second.success
    assert checks_of(second) == {"all_completed": True, "no_photo_skipped": True}
    assert metadata_of(second)["asked for before"] == 2
    assert [job.listing_id for job in taken] == ["1", "2", "2"]
    assert len(jobs_of(engine)) == 2


def test_a_retake_makes_everything_anew(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"))
    with worker(engine, result_of) as taken:
        materialize()
        materialize(retake=1)
    assert len(taken) == len(jobs_of(engine)) == 2


def test_photos_that_were_skipped_do_not_pass_the_check(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"))
    with worker(engine, lambda job: result_of(job, skipped=2)):
        result = materialize()
    assert checks_of(result) == {"all_completed": True, "no_photo_skipped": False}
    assert metadata_of(result)["skipped photos"] == 2


def test_after_the_time_limit_the_run_fails_and_the_jobs_go_on(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"))
    result = materialize(time_limit_s=0.1)
    assert not result.success
    assert "1 of 1 jobs have not ended" in reason_of(result)
    assert [job.status for job in jobs_of(engine)] == ["pending"]
    with worker(engine, result_of):
        assert materialize().success
    assert len(jobs_of(engine)) == 1


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("terminated", [True, False], ids=["terminated", "host goes down"])
def test_terminating_the_run_cancels_its_jobs_and_tries_nothing_again(
    settings: Settings, engine: Engine, storage: Storage, terminated: bool
) -> None:
    write_batch(storage, film("1"), film("2"))
    studio = Studio(studio_home=str(settings.studio_home), database_url=settings.database_url)
    with dg.DagsterInstance.ephemeral() as instance:

        def interrupt() -> None:
            while len(jobs_of(engine)) < 2 or not instance.get_runs():
                time.sleep(0.02)
            taken = attempts.take(engine, jobs_of(engine)[0].id, uuid4())
            assert taken is not None, "one of them is being made"
            time.sleep(0.2)
            if terminated:
                instance.report_run_canceling(instance.get_runs()[0])
            os.kill(os.getpid(), signal.SIGINT)
            while not ended.wait(5):  # Dagster may have been where it takes no notice of one
                os.kill(os.getpid(), signal.SIGINT)

        ended = threading.Event()
        thread = threading.Thread(target=interrupt)
        thread.start()
        result = dg.materialize(
            [listing_films],
            partition_key=DAY,
            instance=instance,
            resources={"studio": studio},
            run_config={"ops": {"listing_films": {"config": {"poll_s": 0.02}}}},
            raise_on_error=False,
        )
        ended.set()
        thread.join()
        status = instance.get_runs()[0].status
    retried = [event for event in result.all_events if event.is_step_up_for_retry]
    assert [str(event.step_retry_data.error) for event in retried] == []
    running, waiting = jobs_of(engine)
    if terminated:
        assert status is dg.DagsterRunStatus.CANCELED
        assert running.cancel_requested
        assert waiting.status == "cancelled"
        assert "2 open jobs are cancelled" in reason_of(result)
    else:
        assert (running.cancel_requested, waiting.status) == (False, "pending")
        assert "run this partition again" in reason_of(result)


def test_a_cancelled_film_ends_as_that(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"), film("2"))
    materialize(time_limit_s=0.05)
    manage.cancel(engine, jobs_of(engine)[0].id)
    with worker(engine, result_of):
        result = materialize()
    assert metadata_of(result)["cancelled"] == 1
    assert checks_of(result)["all_completed"] is False


_WIPED = {
    "clips": [
        {"photo": 0, "length_s": 2.0, "transition": {"kind": "wiped"}},
        {"photo": 0, "length_s": 2.0},
    ]
}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("no JSON", "Invalid JSON"),
        ("[]", "the file: Input should be an object"),
        ('{"films": []}', "films: List should have at least 1 item"),
        (json.dumps({"films": [film("1"), film("2", colour="red")]}), "films.1.film.colour: Extra"),
        (json.dumps({"films": [film("1", photos=[])]}), "films.0.film.photos: List should have"),
        (
            json.dumps({"films": [film("7", template="gone")]}),
            r"films.0 \(listing 7\): no",
        ),
        (json.dumps({"films": [film("7", length_s=None, timeline=_WIPED)]}), "'wiped'"),
        (json.dumps({"films": [film("7"), film("7")]}), "listing 7 asks for the same film twice"),
        (json.dumps({"films": [film("7\0")]}), "NUL"),
    ],
)
def test_a_faulty_batch_is_refused_with_what_and_where(
    storage: Storage, content: str, told: str
) -> None:
    storage.write(f"batches/films/{DAY}.json", content.encode())
    with pytest.raises(BadInput, match=f"batches/films/{DAY}.json: .*{told}"):
        read_films(storage, DAY)


def test_a_faulty_batch_starts_nothing_and_fails_at_once(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    write_batch(storage, film("1"), film("2", template="gone"))
    result = materialize()
    assert not result.success
    assert "films.1 (listing 2): no template is named 'gone'" in reason_of(result)
    assert jobs_of(engine) == []


def test_a_day_without_a_file_says_so(storage: Storage) -> None:
    with pytest.raises(ObjectNotFound, match=r"batches/films/2026-03-02\.json"):
        read_films(storage, "2026-03-02")


def test_a_key_names_day_listing_input_and_template(storage: Storage) -> None:
    asked = [film("1"), film("2"), film("1", length_s=20), film("1", template="calm")]
    write_batch(storage, *asked)
    write_batch(storage, asked[0], day="2026-03-02")
    keys = [job.idempotency_key for job in read_films(storage, DAY)]
    again = [job.idempotency_key for job in read_films(storage, DAY)]
    assert keys == again
    others = read_films(storage, "2026-03-02") + read_films(storage, DAY, retake=1)
    assert len({*keys, *(job.idempotency_key for job in others)}) == 4 + 1 + 4
    assert all(key.startswith(f"films/{DAY}/") for key in keys)


def test_clips_are_asked_for_by_photo_and_format(
    materialize: Materialize, engine: Engine, storage: Storage
) -> None:
    listing = {
        "listing_id": "1",
        "photos": [{"photo": "a.jpg"}, {"photo": "b.jpg", "weight": 2}],
        "template": "noir",
        "formats": [{"aspect": "16:9"}, {"aspect": "9:16", "profile": "720p"}],
    }
    storage.write(f"batches/clips/{DAY}.json", json.dumps({"listings": [listing]}).encode())
    asked = [ClipInput.model_validate(job.input) for job in read_clips(storage, DAY)]
    wanted = list(product(("a.jpg", "b.jpg"), ("16x9-1080p30", "9x16-720p30")))
    assert [(clip.photo.photo, clip.format.name) for clip in asked] == wanted
    with worker(engine, lambda job: {"cached": job.input["photo"]["photo"] == "a.jpg",
                                     "duration_s": 4.0, "bytes": 1000}):  # fmt: skip
        result = materialize(warm_clips)
    assert checks_of(result) == {"all_completed": True}
    told = metadata_of(result)
    assert (told["jobs"], told["were there already"], told["bytes"]) == (4, 2, 4000)
    assert {(job.type, job.priority) for job in jobs_of(engine)} == {("generate_clip", -50)}


def test_a_new_or_changed_file_is_run_once(settings: Settings, storage: Storage) -> None:
    write_batch(storage, film("1"))
    storage.write("batches/films/notes.json", b"{}")
    storage.write("batches/clips/2026-03-02.json", b"{}")
    studio = Studio(studio_home=str(settings.studio_home))
    everything = definitions().get_repository_def()

    def runs() -> dict[str, tuple[str | None, str | None]]:
        context = dg.build_sensor_context(resources={"studio": studio}, repository_def=everything)
        asked = new_batches.evaluate_tick(context).run_requests or []
        return {str(run.run_key): (run.job_name, run.partition_key) for run in asked}

    first = runs()
    assert sorted(first.values()) == [("render_films", DAY), ("warm_up_clips", "2026-03-02")]
    assert runs() == first
    write_batch(storage, film("1"), film("2"))
    assert len(runs().keys() - first.keys()) == 1


def test_what_a_listing_is_called_cannot_break_the_table(storage: Storage) -> None:
    outcome = Outcome(UUID(int=1), "a|b](<x>\n", "failed", {}, {"detail": "[no](http://x)"})
    told = film_metadata([outcome], storage, lambda _: "/page")["not completed"]
    assert str(told.value).splitlines()[-1] == (
        "| a\\|b\\](&#60;x&#62; | failed | \\[no\\](http://x) | [page](/page) |"
    )


def test_the_examples_for_people_can_be_sent() -> None:
    text = (DOCS / "films.md").read_text()
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    kinds: dict[str, type[BaseModel]]
    kinds = {"films": FilmBatch, "listings": ClipBatch, "photos": FilmInput}
    assert [next(iter(example)) for example in examples] == [*["photos"] * 4, "films", "listings"]
    for example in examples:
        kinds[next(iter(example))].model_validate(example)
        open_template(example.get("template", "calm"))


def test_every_template_has_its_picture_in_the_page_for_people() -> None:
    shown = set(re.findall(r"\(templates/(\w+)\.webp\)", (DOCS / "films.md").read_text()))
    files = {path.stem for path in (DOCS / "templates").iterdir()}
    assert shown == files == set(shipped_templates())


def test_batches_are_found_with_their_jobs_and_partitions() -> None:
    loaded = definitions()
    graph = loaded.resolve_asset_graph()
    for name, job in (("listing_films", "render_films"), ("warm_clips", "warm_up_clips")):
        assert graph.get(dg.AssetKey(name)).partitions_def == DAYS
        assert loaded.resolve_job_def(job).partitions_def == DAYS
    assert DAYS.get_num_partitions() < 100_000  # what an asset can hold
    assert loaded.resolve_sensor_def("new_batches").default_status.value == "STOPPED"
