"""A new task is served inline, remembered and served by a service; it brings only itself."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine

from bentos.gateway.predictors import InlinePredictor
from serving.errors import ModelUnavailable, StudioError
from serving.image import PhotoFile
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor, Prediction, or_raise
from serving.models.remote import RemotePredictor
from serving.models.session import open_session
from serving.models.slots import read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from serving.tasks import TASKS
from tests.fakes import BLUE, GREEN, RED, SIDE, bake, colour_model, photo, publish
from tests.gateway_state import photo_pool
from tests.model_host import ModelHost
from tests.toy_task.task import BRIGHTNESS, Brightness, brightness_card, brightness_model

BOTH = {**TASKS, BRIGHTNESS.name: BRIGHTNESS}


@pytest.fixture
def models(engine: Engine, storage: Storage) -> LocalModels:
    publish(engine, storage)
    publish(engine, storage, "5", brightness_model(), brightness_card())
    models = LocalModels(storage, tasks=BOTH)
    models.apply(read_slots(engine))
    return models


def scores(results: list[Prediction[Brightness] | StudioError]) -> list[int | str]:
    return [
        round(r.answer.score) if isinstance(r, Prediction) else type(r).__name__ for r in results
    ]


def test_it_is_asked_as_the_room_classifier_is(models: LocalModels) -> None:
    predictor = LocalPredictor(models)
    asked = [photo(RED), PhotoFile(b"no photo", 10**6), photo(GREEN)]
    answers = predictor.predict(BRIGHTNESS, asked)
    assert scores(answers) == [30, "BadImage", 45]
    first = or_raise(answers[0])
    assert (first.task, first.version, first.slot) == ("brightness", "5", "champion")
    assert first.answer.parts.keys() == {"red", "green", "blue"}
    assert first.answer.size == (40, 60)
    assert first.answer.light.array().shape == (SIDE, SIDE)


def test_an_answer_with_a_map_is_remembered_and_travels(models: LocalModels) -> None:
    local, host = LocalPredictor(models), ModelHost(BRIGHTNESS, models)
    remote = CachedPredictor(RemotePredictor(host.url), Answers(None, 10))
    expected = or_raise(local.predict(BRIGHTNESS, [photo(BLUE)])[0])
    for cached in (False, True):
        found = or_raise(remote.predict(BRIGHTNESS, [photo(BLUE)])[0])
        assert found.cached == cached
        assert found.answer == expected.answer
        np.testing.assert_array_equal(found.answer.light.array(), expected.answer.light.array())
    host.close()


def test_two_tasks_look_at_one_decoded_photo_and_one_may_fail_alone(
    models: LocalModels, engine: Engine, storage: Storage
) -> None:
    tasks = (ROOM_CLASSIFIER, BRIGHTNESS)
    seen = photo(GREEN)

    async def ask(held: LocalModels) -> list[object]:
        pool = photo_pool()
        try:
            predictor = InlinePredictor(held, LocalPredictor(held), pool)
            found = await predictor.predict(tasks, seen)
            return [r.task if isinstance(r, Prediction) else type(r) for r in found]
        finally:
            pool.close()

    assert asyncio.run(ask(models)) == ["room-classifier", "brightness"]
    assert seen.decodes == 1
    rooms_only = LocalModels(storage)
    rooms_only.apply(read_slots(engine))
    assert asyncio.run(ask(rooms_only)) == ["room-classifier", ModelUnavailable]


def test_a_process_holds_no_models_but_those_of_its_tasks(
    engine: Engine, storage: Storage, tmp_path: Path, models: LocalModels
) -> None:
    assert set(models.all()) == {ROOM_CLASSIFIER.name, BRIGHTNESS.name}
    alone = LocalModels(storage, tasks={BRIGHTNESS.name: BRIGHTNESS})
    alone.apply(read_slots(engine))
    assert set(alone.all()) == {"brightness"}
    assert load_baked(bake(tmp_path), open_session, {BRIGHTNESS.name: BRIGHTNESS}) == {}


def test_a_model_that_lacks_an_output_does_not_answer(
    engine: Engine, storage: Storage, models: LocalModels
) -> None:
    publish(engine, storage, "6", colour_model(), brightness_card())
    models.apply(read_slots(engine))
    assert models.get(BRIGHTNESS.name).version == "5"


@contextmanager
def running(storage: Path, baked: Path) -> Iterator[str]:
    """Serve the toy's service as BentoML does; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", "tests.toy_task.service:Service"]
    root = Path(__file__).parents[2]
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        env={k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
        | {"SLOTS": "pinned", "BAKED_MODELS": str(baked), "STUDIO_HOME": str(storage)}
        | {"PYTHONPATH": str(root), "BENTOML_DO_NOT_TRACK": "True"},
        start_new_session=True,
        cwd=root,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


@pytest.mark.slow
def test_its_service_is_five_lines_and_answers_over_http(tmp_path: Path) -> None:
    folder = tmp_path / "baked" / BRIGHTNESS.name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(brightness_model())
    (folder / "card.json").write_text(brightness_card().model_dump_json())
    (folder / "VERSION").write_text("9")
    with running(tmp_path / "home", tmp_path / "baked") as url:
        remote = RemotePredictor(url, waits_s=(1.0,) * 90)
        found = or_raise(remote.predict(BRIGHTNESS, [photo(RED)])[0])
        measures = httpx.post(f"{url}/measures").text
    assert (found.version, round(found.answer.score)) == ("9", 30)
    assert 'task="brightness"' in (json.loads(measures) if measures[0] == '"' else measures)
