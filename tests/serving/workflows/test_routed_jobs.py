"""A job asks the versions that stood beside the champion when it began, as long as they may be."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from serving.db.tables import Job
from serving.errors import DownloadFailed
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.interface import Storage
from serving.workflows.classify import classify_photos
from serving.workflows.run import Run
from tests.fakes import BLUE, GREEN, RED, TASK, colour_model, jpeg, publish
from tests.routed_studio import UNSURE, RoutedStudio
from tests.serving.workflows.harness import JobHarness, wait_until_due


@pytest.fixture
def studio(
    harness: JobHarness, engine: Engine, storage: Storage, tmp_path: Path
) -> Iterator[RoutedStudio]:
    for name, colour in (("r", RED), ("g", GREEN), ("b", BLUE)):
        storage.write(f"{name}.jpg", jpeg(colour))
    studio = RoutedStudio(engine, storage, tmp_path)
    harness.parts = replace(harness.parts, router=studio.router)
    with closing(studio):
        yield studio


def submit_listing(harness: JobHarness, listing: str | None = "42") -> UUID:
    work = {"photos": ["r.jpg", "g.jpg", "b.jpg"]}
    new = NewJob(KINDS["classify_photos"], work, "backend", listing_id=listing)
    return submit(harness.parts.engine, new, 100).job_id


def models_of(job: Job) -> list[tuple[str, str]]:
    """Return (version, slot) of each photo's answer."""
    assert job.result is not None, job.error
    found: list[dict[str, Any]] = job.result["results"]
    return [(one["model"]["version"], one["model"]["slot"]) for one in found]


def interrupted(run: Run) -> dict[str, Any]:
    """Pin as the workflow does, and break off."""
    run.pin_route(ROOM_CLASSIFIER)
    raise DownloadFailed("the other side broke off")


def begin(harness: JobHarness) -> UUID:
    """Submit a job of which the first attempt ends after it has pinned."""
    job_id = submit_listing(harness)
    harness.attempt(job_id, interrupted)
    wait_until_due(harness.parts.engine)
    return job_id


def test_a_listing_in_a_job_is_answered_by_the_version_whose_it_is(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    assert models_of(harness.attempt(submit_listing(harness))) == [("2", "challenger")] * 3
    served = [row for row in studio.rows() if row[1] == "served"]
    assert served == [("challenger", "served", True, True)] * 3


def test_a_job_goes_on_as_it_began_though_the_weight_was_changed(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    job_id = begin(harness)
    studio.say(weight=1)
    assert models_of(harness.attempt(job_id)) == [("2", "challenger")] * 3


def test_a_job_that_began_without_a_challenger_goes_on_without_it(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.follow()
    job_id = begin(harness)
    studio.say(weight=100)
    assert models_of(harness.attempt(job_id)) == [("1", "champion")] * 3


def test_a_version_that_was_taken_back_is_not_asked_by_the_next_attempt(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    job_id = begin(harness)
    studio.say(weight=100, stopped="it broke")
    assert models_of(harness.attempt(job_id)) == [("1", "champion")] * 3
    assert studio.host.asked == 0


def test_a_version_that_is_taken_back_under_way_is_asked_no_more(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.say(weight=100)

    def stop_between(run: Run) -> dict[str, Any]:
        run.pin_route(ROOM_CLASSIFIER)
        studio.say(weight=100, stopped="it broke")
        return classify_photos(replace_pin(run))

    def replace_pin(run: Run) -> Run:
        run._is_taken_back = lambda *_: False  # type: ignore[method-assign] # it began before
        return run

    assert (
        models_of(harness.attempt(submit_listing(harness), stop_between)) == [("1", "champion")] * 3
    )
    assert studio.host.asked == 0


def test_a_version_that_was_promoted_under_way_answers_as_the_champion_that_it_is(
    harness: JobHarness,
    studio: RoutedStudio,
    models: LocalModels,
    engine: Engine,
    storage: Storage,
) -> None:
    studio.say(weight=100)

    def promote_between(run: Run) -> dict[str, Any]:
        run.pin_route(ROOM_CLASSIFIER)
        publish(engine, storage, "2", UNSURE, notify=False)
        models.apply(read_slots(engine))
        studio.say(weight=100, mode="off")
        run._is_taken_back = lambda *_: False  # type: ignore[method-assign] # it began before
        return classify_photos(run)

    job = harness.attempt(submit_listing(harness), promote_between)
    assert models_of(job) == [("2", "champion")] * 3


def test_a_champion_that_was_taken_back_is_pinned_anew(
    harness: JobHarness,
    studio: RoutedStudio,
    models: LocalModels,
    engine: Engine,
    storage: Storage,
) -> None:
    studio.follow()
    job_id = begin(harness)
    publish(engine, storage, "3", colour_model(gain=9.0), notify=False)
    models.apply(read_slots(engine))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO rollbacks (task, slot, version, target, reason, by) "
                "VALUES (:task, 'champion', '1', '3', 'wrong', 'a person')"
            ),
            {"task": TASK},
        )
    assert models_of(harness.attempt(job_id)) == [("3", "champion")] * 3


def test_a_version_that_breaks_costs_a_job_nothing(
    harness: JobHarness, studio: RoutedStudio
) -> None:
    studio.say(weight=100)
    studio.host.mode = "500"
    assert models_of(harness.attempt(submit_listing(harness))) == [("1", "champion")] * 3
