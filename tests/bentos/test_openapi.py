"""The OpenAPI document keeps its word: what it allows and what it forbids, by schemathesis."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # loaded at its first use otherwise, beside threads
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from sqlalchemy import Engine, select

from bentos.gateway.app import create_app
from bentos.gateway.callbacks import AlertData, ModelAlert
from registry.ramp.sentences import explain
from registry.verdict import Finding
from serving.access.api_keys import hash_key
from serving.db.tables import WebhookDelivery
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.models.slots import read_slots
from serving.operations.decisions import NewDecision, write_decision
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import RED, jpeg, publish, publish_beats, publish_starter

KEY = {"X-API-Key": "key"}
EXAMPLES = 25
OPERATIONS = sorted(
    (path, method.upper())
    for path, methods in create_app("test").openapi()["paths"].items()
    for method in methods
)
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CONFIG = SchemathesisConfig.from_dict(
    {
        # The key is sent always: whether it is looked at is tested by itself.
        "generation": {"with-security-parameters": False, "allow-extra-parameters": False},
        # That a file is a picture, a key exists, a cursor was given: no schema can say that.
        "checks": {"positive_data_acceptance": {"enabled": False}},
    }
)
# where what is right by the schema is never quite right by chance
NEVER_BY_CHANCE = (
    "/internal/video/render",
    "/internal/video/clips",
    "/files/{name}",
    "/{upload_id}",
    "/{erasure_id}",
    "/{kit_id}",
    "/{kit_id}/page",
    "/{kit_id}/assets/{name}",
    "/design-kits/palette",
    "/internal/feedback",
    "/rollback",
)


@pytest.fixture
def client(
    request: pytest.FixtureRequest,
    settings: Settings,
    engine: Engine,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    publish(engine, storage)
    publish_beats(engine, storage)
    if "crop" in request.node.name:  # it is large beside the others
        publish_starter(engine, storage, "saliency")
    # no worker is there that a test event could be waited for
    monkeypatch.setattr("bentos.gateway.webhooks._WAKE_S", -10.0)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    changes: dict[str, object] = {"api_keys": {"backend": (hash_key("key"),)}}
    changes |= {"rate_limit": "1000000/second"}
    changes |= {"operator_clients": ("backend",)}
    with open_gateway_client(
        settings.model_copy(update=changes), engine, storage, models
    ) as client:
        yield client


@pytest.fixture
def jobs(engine: Engine, storage: Storage) -> dict[str, UUID]:
    """A job in each of its states."""
    storage.write("red.jpg", jpeg(RED))
    new = NewJob(KINDS["classify_photos"], {"photos": ["red.jpg"]}, "backend", "42")
    made = {
        status: submit(engine, new, 1000).job_id
        for status in ("completed", "failed", "cancelled", "processing", "pending")
    }
    for status in ("completed", "failed", "processing"):
        job = attempts.take(engine, made[status], uuid4())
        assert job is not None
        if status == "completed":
            attempts.complete(engine, job, {"results": []})
        elif status == "failed":
            attempts.fail(engine, job, {"title": "X", "detail": "x", "reason": "internal"})
    cancel(engine, made["cancelled"])
    return made


def test_the_document_is_valid_and_shows_every_route(client: TestClient) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, config=CONFIG)
    schema.validate()
    assert ("/internal/metrics", "GET") in OPERATIONS
    assert len(OPERATIONS) == sum(1 for _ in schema.get_all_operations())


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_5xx_and_nothing_that_is_not_documented(
    client: TestClient, jobs: dict[str, UUID], path: str, method: str, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", client.app, config=CONFIG)[path][
        method
    ]
    if mode is GenerationMode.NEGATIVE and not list(operation.iter_parameters()):
        return  # nothing that could be sent wrongly
    if path.endswith("/events"):  # of a job that goes on, they do not end
        jobs = {name: job for name, job in jobs.items() if name not in ("pending", "processing")}
    others = {"number": 0} if "{number}" in path else {}
    statuses: Counter[int] = Counter()

    positive = mode is GenerationMode.POSITIVE
    known = st.sampled_from([None, *jobs.values()]) if positive else st.none()

    @given(operation.as_strategy(mode), known)
    @hypothesis_settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    def probe(case: Case[Any], job: UUID | None) -> None:
        if job is not None and "job_id" in case.path_parameters:
            case.path_parameters |= {"job_id": str(job)} | others
        answer = case.call(headers=KEY)
        statuses[answer.status_code] += 1
        case.validate_response(answer)

    try:
        probe()
    except Unsatisfiable:  # almost any text is a listing's id: nothing wrong could be thought of
        assert not positive
    assert max(statuses, default=0) < 500
    if positive and not path.endswith(NEVER_BY_CHANCE):
        assert min(statuses) < 300, f"nothing that is right was accepted: {dict(statuses)}"


def test_the_document_has_every_callback_of_every_kind_of_job() -> None:
    document = create_app("test", Settings()).openapi()
    told = {kind.completed for kind in KINDS.values()} | {kind.progress for kind in KINDS.values()}
    assert set(document["webhooks"]) == (told - {None}) | {
        "job-failed", "model-alert", "test",
    }  # fmt: skip
    body = document["webhooks"]["classification-changed"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["$ref"].endswith("/Callback")


def test_the_shape_of_an_alert_is_what_is_sent(engine: Engine) -> None:
    new = NewDecision("room-classifier", "8", "challenger", "roll_back", "guard", "it was wrong", 2)
    with engine.begin() as connection:
        write_decision(connection, new)
    with engine.connect() as connection:
        sent = connection.execute(select(WebhookDelivery.payload)).scalar_one()["data"]
    shape = create_app("test", Settings()).openapi()["components"]["schemas"]["AlertData"]
    assert set(sent) == set(shape["properties"])
    assert AlertData.model_validate(sent).model_dump() == sent


def test_the_documented_alert_is_one_that_the_code_makes() -> None:
    documented = Path("docs/backend.md").read_text()
    (found,) = re.findall(r'```json\n(\{"type": "model-alert".*?)```', documented, re.DOTALL)
    alert = ModelAlert.model_validate_json(found)
    worst = Finding("disagreement", "kitchen", 0.34, 0.09, 41, 4.2, 0.015, True)
    assert alert.data.why == explain(worst)
    assert json.loads(found)["data"] == alert.data.model_dump()
