"""A kind of job is one value: a new one is queued, told of, shown, handed out and removed by it."""

from typing import cast

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select, text

from serving.db.tables import Json, WebhookDelivery
from serving.errors import FaultyOutput
from serving.jobs.kinds import KINDS, Kind
from serving.jobs.retention import Retention
from serving.queues import QUEUES
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.workflows import WORKFLOWS
from serving.workflows.run import Run
from tests.bentos.conftest import link
from tests.serving.workflows.harness import JobHarness

KEY = {"X-API-Key": "vls_a"}
PLAN = Kind(
    "draw_plan",
    "stage",
    "plan-complete",
    "plan-progress",
    noun="floor plan",
    folder="plans",
    unit="walls",
)


@pytest.fixture
def plans(films: JobHarness, monkeypatch: pytest.MonkeyPatch) -> JobHarness:
    monkeypatch.setitem(cast(dict[str, Kind], KINDS), PLAN.type, PLAN)
    return JobHarness(films.parts, PLAN.type)


def draw_plan(run: Run) -> Json:
    run.report_progress(1, 2, "walls")
    key = run.key_of("plan.jpg")
    run.parts.storage.write(key, b"a plan", "image/jpeg")
    return {"plan": key}


def break_plan(_: Run) -> Json:
    raise FaultyOutput("a wall is missing", ({"what": "wall"},), "")


def test_the_callbacks_of_a_new_kind_carry_its_names(plans: JobHarness, engine: Engine) -> None:
    job = plans.attempt(plans.submit(photos=[]), draw_plan)
    assert job.queue == "stage"
    with engine.connect() as connection:
        events = connection.scalars(select(WebhookDelivery.event)).all()
    assert set(events) == {"plan-progress", "plan-complete"}


def test_a_file_of_a_new_kind_is_handed_out(plans: JobHarness, visitor: TestClient) -> None:
    job = plans.attempt(plans.submit(photos=[]), draw_plan)
    assert job.result == {"plan": f"plans/{job.id}/plan.jpg"}
    answer = visitor.get(f"/internal/jobs/{job.id}/files/plan.jpg", headers=KEY)
    assert (answer.status_code, answer.content) == (200, b"a plan")


def test_the_page_of_a_new_kind_speaks_of_what_it_makes(
    plans: JobHarness, visitor: TestClient
) -> None:
    job = plans.attempt(plans.submit(photos=[]), break_plan)
    page = visitor.get(link(visitor, job.id)).text
    assert "The floor plan did not pass its check" in page


def test_files_of_a_new_kind_are_removed_by_age(
    plans: JobHarness, engine: Engine, storage: Storage, page_settings: Settings
) -> None:
    job = plans.attempt(plans.submit(photos=[]), draw_plan)
    with engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET completed_at = now() - interval '8 days'"))
    settings = page_settings.model_copy(update={"films_max_age_s": 7 * 86_400.0})
    removed = Retention(settings, engine, storage).tidy(10)
    assert removed.counts == {"objects": 1, "plans": 1}
    assert list(storage.keys(f"plans/{job.id}/")) == []


def test_every_kind_waits_in_a_queue_that_exists() -> None:
    assert {kind.queue for kind in KINDS.values()} <= set(QUEUES)
    assert set(WORKFLOWS) <= set(KINDS)


def test_a_kind_that_makes_no_files_has_no_folder() -> None:
    with pytest.raises(ValueError, match="classify_photos make no files"):
        KINDS["classify_photos"].folder_of("1")
