"""A gateway without BentoML around it, jobs in its database, and links to them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from bentos.gateway.predictors import InlinePredictor
from serving.access.api_keys import hash_key
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.scratch import Scratch
from serving.workflows.run import Parts
from tests.bentos.gateway_client import open_gateway_client
from tests.fakes import encode, hearing
from tests.gateway_state import make_gateway_state, photo_pool
from tests.serving.video.pictures import texture
from tests.serving.workflows.film_requests import clicks
from tests.serving.workflows.harness import JobHarness

SECRETS = ("a new secret of ours", "an old secret of ours")

NewJobs = Callable[..., UUID]


@pytest.fixture
def app_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_keys": {"backend": (hash_key("key"),)}})


@pytest.fixture
def client(
    app_settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    with open_gateway_client(app_settings, engine, storage, models) as client:
        yield client


@pytest.fixture
def page_settings(settings: Settings) -> Settings:
    keys = {"backend": (hash_key("vls_a"),), "other": (hash_key("vls_b"),)}
    return Settings.model_validate(
        settings.model_dump() | {"api_keys": keys, "link_secrets": SECRETS}
    )


def open_client(settings: Settings, engine: Engine, storage: Storage) -> TestClient:
    models = LocalModels(storage, hearing())
    rooms = LocalPredictor(models)
    app = create_app("test", settings)
    app.state.gateway = make_gateway_state(
        settings, InlinePredictor(models, rooms, photo_pool()), storage, engine
    )
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def visitor(page_settings: Settings, engine: Engine, storage: Storage) -> Iterator[TestClient]:
    """Somebody without a key."""
    with open_client(page_settings, engine, storage) as client:
        yield client


@pytest.fixture
def new_job(engine: Engine) -> NewJobs:
    def make(*photos: str, type_: str = "classify_photos", **fields: object) -> UUID:
        new = NewJob(KINDS[type_], {"photos": list(photos)}, "backend", **fields)  # type: ignore[arg-type]
        return submit(engine, new, max_queued=100).job_id

    return make


def link(client: TestClient, job_id: UUID, key: str = "vls_a") -> str:
    """The job's signed page, as the client that owns it is told."""
    job = client.get(f"/internal/jobs/{job_id}", headers={"X-API-Key": key}).json()
    return str(job["page_link"])


@pytest.fixture
def films(page_settings: Settings, engine: Engine, storage: Storage, tmp_path: Path) -> JobHarness:
    for number in range(3):
        data = encode(texture(200, 300, number, sigma=3), "JPEG", quality=92)
        storage.write(f"{number}.jpg", data)
    storage.write("song.wav", clicks(6.0))
    rooms = LocalPredictor(LocalModels(storage, hearing()))
    scratch = Scratch(tmp_path / "scratch", 10**9)
    return JobHarness(Parts(page_settings, engine, storage, scratch, rooms), "render_video")
