"""Clients that others' programs make of the OpenAPI document: they are whole, and they work."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate
from sqlalchemy import Engine

from bentos.gateway.app import create_app
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.bentos.gateway_client import serve_gateway
from tests.fakes import RED, jpeg
from tests.serving.workflows.harness import JobHarness

DOCUMENT: dict[str, Any] = create_app("1.2.3").openapi()
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}


def references(part: object) -> list[str]:
    if isinstance(part, dict):
        inner = [name for value in part.values() for name in references(value)]
        return [*inner, part["$ref"]] if isinstance(part.get("$ref"), str) else inner
    if isinstance(part, list):
        return [name for value in part for name in references(value)]
    return []


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert len(found) > 100
    for reference in set(found):
        place: Any = DOCUMENT
        assert reference.startswith("#/")
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert "$defs" not in json.dumps(DOCUMENT)


def test_the_document_is_valid_and_its_operations_have_names_of_their_own() -> None:
    validate(DOCUMENT)
    operations = sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert len(OPERATIONS) == operations
    assert {"classify_photos", "render_film", "read_job"} <= set(OPERATIONS)
    assert not [name for name in OPERATIONS if "internal" in name]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture(scope="module")
def generated(document: Path) -> Callable[[str], Any]:
    """Import a module of the client that openapi-python-client makes."""
    folder = document.parent / "studio_client"
    program = Path(sys.executable).parent / "openapi-python-client"
    config = document.parent / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = ["generate", "--path", str(document), "--output-path", str(folder), "--meta", "none"]
    subprocess.run([program, *command, "--config", str(config)], check=True, capture_output=True)
    sys.path.insert(0, str(document.parent))
    return lambda name: importlib.import_module(f"studio_client.{name}")


@pytest.mark.slow
def test_the_generated_client_has_every_operation(generated: Callable[[str], Any]) -> None:
    root = Path(generated("client").__file__).parent
    assert {path.stem for path in root.glob("api/*/*.py")} >= set(OPERATIONS)
    models = generated("models")
    for name in ("FilmRequest", "ClipRequest", "AudioRequest", "ClassifyRequest", "TimelineSpec"):
        assert hasattr(models, name)


@pytest.mark.slow
def test_a_generated_client_makes_a_film(
    generated: Callable[[str], Any],
    films: JobHarness,
    page_settings: Settings,
    engine: Engine,
    storage: Storage,
) -> None:
    models = generated("models")
    body = models.FilmRequest(
        photos=[models.PhotoSpec(photo=f"{number}.jpg", room="kitchen") for number in range(2)],
        length_s=2.0,
        formats=[models.Format.from_dict({"profile": "720p", "fps": 24})],
        preview=False,
    )
    with serve_gateway(page_settings, engine, storage) as url:
        client = generated("client").AuthenticatedClient(url, token="vls_a")
        accepted = generated("api.sound_and_film.render_film").sync(client=client, body=body)
        films.attempt(accepted.job_id)
        job = generated("api.jobs.read_job").sync(accepted.job_id, client=client)
        assert (job.status, job.type_) == ("completed", "render_video")
        file = generated("api.jobs.show_file").sync_detailed(
            accepted.job_id, "16x9-720p24.mp4", client=client
        )
    assert file.content[4:8] == b"ftyp"


@pytest.mark.slow
def test_a_generated_client_sends_a_photo_and_reads_a_refusal(
    generated: Callable[[str], Any],
    page_settings: Settings,
    engine: Engine,
    storage: Storage,
) -> None:
    types, classify = generated("types"), generated("api.photos.classify_photos")
    with serve_gateway(page_settings, engine, storage) as url:
        client = generated("client").AuthenticatedClient(url, token="vls_a")
        later = classify.sync(
            client=client, body=types.File(payload=jpeg(RED)), async_=True
        )  # fmt: skip
        refused = classify.sync(client=client, body=types.File(payload=b""), async_=True)
    assert later.type_ == "classify_photos"
    assert (refused.status, refused.title) == (422, "BadImage")


@pytest.mark.slow
def test_a_generated_client_gives_feedback(
    generated: Callable[[str], Any],
    page_settings: Settings,
    engine: Engine,
    storage: Storage,
) -> None:
    models, give = generated("models"), generated("api.feedback.give_feedback")
    item = models.FeedbackItem(task="room-classifier", photo="never.jpg", accepted=True)
    with serve_gateway(page_settings, engine, storage) as url:
        client = generated("client").AuthenticatedClient(url, token="vls_a")
        alone = give.sync(client=client, body=item)
        among = give.sync(client=client, body=models.FeedbackRequest(items=[item]))
    assert (alone.status, alone.title) == (404, "UnknownPhoto")
    assert among.results[0].error.status == 404


@pytest.mark.slow
def test_types_of_typescript_are_whole(document: Path) -> None:
    """Skipped where npm cannot install the generator."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    made = document.parent / "api.ts"
    packages = ["--package=openapi-typescript@7", "--package=typescript@5"]
    run = [npm, "exec", "--yes", "--silent", *packages, "--"]
    try:
        subprocess.run(
            [*run, "openapi-typescript", document, "-o", made],
            check=True, capture_output=True, timeout=180, cwd=document.parent,
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode()
        if "openapi.json" in said or "$ref" in said:
            raise AssertionError(said) from error
        pytest.skip(f"npm cannot install the generator: {said[-200:]}")
    text = made.read_text()
    for name in ("FilmRequest", "TimelineSpec", "JobView"):
        assert f"        {name}: {{" in text
    subprocess.run(
        [*run, "tsc", "--noEmit", "--strict", made], check=True, timeout=180, cwd=document.parent
    )
