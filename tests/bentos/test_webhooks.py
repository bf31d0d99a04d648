"""A backend's developer sees at once whether callbacks arrive."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import Engine, select, text

from serving.db.tables import WebhookDelivery
from serving.jobs.delivery import DeliveryRunner
from serving.settings import Settings
from tests.serving.jobs.receivers import NEW, OLD, answering, receiving


@contextmanager
def sending(engine: Engine, settings: Settings, url: str, secret: str) -> Iterator[None]:
    """A worker's part in it: whatever is owed is sent."""
    changes = {"backend_url": url, "webhook_secrets": (SecretStr(secret),)}
    runner, ended = (
        DeliveryRunner(settings.model_copy(update=changes), engine, uuid4()),
        threading.Event(),
    )
    owed = select(WebhookDelivery.id).where(WebhookDelivery.status == "pending")

    def work() -> None:
        while not ended.wait(0.02):
            with engine.connect() as connection:
                ids = connection.scalars(owed).all()
            for delivery_id in ids:
                runner.deliver(delivery_id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT status FROM webhook_deliveries")))


def test_a_receiver_that_works_is_said_to_work(
    client: TestClient, engine: Engine, app_settings: Settings, tmp_path: Path
) -> None:
    with receiving(tmp_path, OLD) as receiver, sending(engine, app_settings, receiver.url, OLD):
        said = client.post("/internal/webhooks/test").json()
        assert receiver.desk.counts()["tests"] == 1
    assert said["delivered"] is True
    assert said["status"] == 204
    assert said["error"] is None
    assert said["took_s"] > 0
    assert said["delivery_id"].startswith("msg_")
    assert statuses(engine) == ["delivered"]


def test_another_secret_is_seen_as_what_the_receiver_answers_and_not_tried_again(
    client: TestClient, engine: Engine, app_settings: Settings, tmp_path: Path
) -> None:
    with receiving(tmp_path, OLD) as receiver, sending(engine, app_settings, receiver.url, NEW):
        said = client.post("/internal/webhooks/test").json()
    assert said["delivered"] is False
    assert said["status"] == 401
    assert "no known secret" in said["error"]
    assert statuses(engine) == ["superseded"]


def test_a_receiver_that_is_not_there_is_told(
    client: TestClient, engine: Engine, app_settings: Settings
) -> None:
    with answering(b"") as url, sending(engine, app_settings, url, OLD):
        said = client.post("/internal/webhooks/test").json()
    assert said["delivered"] is False
    assert said["status"] is None
    assert said["error"]


def test_without_a_worker_that_is_what_is_said(
    client: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bentos.gateway.webhooks._WAKE_S", -9.5)
    said = client.post("/internal/webhooks/test").json()
    assert "no worker sent it" in said["error"]
    assert statuses(engine) == ["superseded"]


def test_it_cannot_be_used_to_hammer_the_backend(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bentos.gateway.webhooks._WAKE_S", -10.0)
    answers = [client.post("/internal/webhooks/test") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
