"""An operator takes a model version back over HTTP, with nothing but the database behind it."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, insert, select

from serving.db.canary_tables import Publication, RampDecision, Rollback
from serving.db.tables import Job, Slot, WebhookDelivery
from serving.models.local import LocalModels
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import Mode, read_slots
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import TASK

PATH = f"/internal/models/{TASK}/rollback"


@pytest.fixture
def operator(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    settings = app_settings.model_copy(update={"operator_clients": ("backend",)})
    with open_gateway_client(settings, engine, storage, models) as client:
        yield client


@pytest.fixture
def challenger(engine: Engine) -> None:
    """Version 2 answers 5 % of listings beside the colour model."""
    row = {"task": TASK, "slot": CHALLENGER, "version": "2", "weight": 5.0}
    with engine.begin() as connection:
        connection.execute(insert(Slot).values(model_sha256="b", card_sha256="b", **row))


def count(engine: Engine, table: type) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.usefixtures("challenger")
def test_a_challenger_is_stopped_at_once_and_asking_again_is_the_same(
    operator: TestClient, engine: Engine
) -> None:
    body = {"reason": "kitchens became pools", "version": "2"}
    for _ in range(2):
        answer = operator.post(PATH, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"task": TASK, "slot": CHALLENGER, "version": "2", "target": None}
    row = read_slots(engine)[TASK, CHALLENGER]
    assert (row.stopped, row.mode, row.runs) == ("kitchens became pools", Mode.OFF, False)
    assert count(engine, Rollback) == count(engine, RampDecision) == 1
    assert count(engine, WebhookDelivery) == 1, "one alert"
    assert count(engine, Job) > 0, "what it answered is answered again"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_refused_as_that(operator: TestClient, kind: str) -> None:
    answer = operator.post(PATH, content=b'{"reason": "x"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["accept-post"]) == (415, "application/json")
    wrong = operator.post(PATH, content=b"[" * 9000, headers={"Content-Type": "application/json"})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "BadInput")


def test_the_champion_before_answers_again(operator: TestClient, engine: Engine) -> None:
    now = read_slots(engine)[TASK, CHAMPION]
    with engine.begin() as connection:
        for version in ("0", now.version):
            files = {"model_sha256": version * 64, "card_sha256": version * 64}
            row = {"task": TASK, "slot": CHAMPION, "version": version, **files}
            connection.execute(insert(Publication).values(**row))
    body = {"reason": "kitchens became pools", "slot": CHAMPION}
    assert operator.post(PATH, json=body).json()["target"] == "0"
    back = read_slots(engine)[TASK, CHAMPION]
    assert (back.version, back.model_sha256) == ("0", "0" * 64)
    refused = operator.post(PATH, json=body)
    assert refused.status_code == 409, "what was taken back is not gone back to"
    assert read_slots(engine)[TASK, CHAMPION].version == "0"


@pytest.mark.usefixtures("challenger")
def test_only_operators_may_and_only_what_they_name(
    client: TestClient, operator: TestClient, engine: Engine
) -> None:
    reason = {"reason": "kitchens became pools"}
    assert client.post(PATH, json=reason).status_code == 403
    assert operator.post(PATH, json=reason | {"version": "7"}).status_code == 409
    assert operator.post(PATH, json=reason | {"slot": "arm-b"}).status_code == 409
    assert operator.post(PATH, json={}).status_code == 422
    assert operator.post("/internal/models/pool/rollback", json=reason).status_code == 404
    assert read_slots(engine)[TASK, CHALLENGER].runs
