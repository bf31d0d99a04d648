"""Models are loaded, swapped under way and reached over the wire without a wrong answer."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from sqlalchemy import Engine

from serving.card import Classes
from serving.errors import ModelFailed, ModelUnavailable, OutOfMemory, StudioError
from serving.image import PhotoFile
from serving.models.loading import open_models
from serving.models.local import LocalModels, Models, load_baked
from serving.models.predictor import LocalPredictor, Prediction
from serving.models.session import OnnxSession, Session, SparingSession
from serving.models.slots import Published, read_slots
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.task import Inputs, Outputs
from tests.fakes import (
    BLUE,
    COLOURS,
    GREEN,
    RED,
    SIDE,
    TASK,
    FixedModels,
    StubSession,
    bake,
    colour_card,
    colour_model,
    photo,
    picture,
    publish,
)


def named(results: list[Prediction[RoomAnswer] | StudioError]) -> list[str]:
    return [r.answer.room_type if isinstance(r, Prediction) else "broken" for r in results]


def ask(models: Models, *photos: PhotoFile) -> list[str]:
    return named(LocalPredictor(models).predict(ROOM_CLASSIFIER, photos))


def black() -> PhotoFile:
    return photo((0, 0, 0), noise=0)


def run(session: Session, pixels: np.ndarray) -> np.ndarray:
    logits: np.ndarray = session({"pixels": pixels})["logits"]
    return logits


def wait(until: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(0.01)
    return until()


def test_a_session_answers_a_batch_as_it_answers_each() -> None:
    session = OnnxSession(colour_model())
    batch = np.stack([picture(c, SIDE, SIDE) for c in (RED, GREEN, BLUE)])
    each = np.concatenate([run(session, batch[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(run(session, batch), each, rtol=1e-6)


@pytest.mark.parametrize("model", [b"", b"not onnx", colour_model()[:50]])
def test_bytes_that_are_no_model_are_told_so(model: bytes) -> None:
    with pytest.raises(ModelFailed):
        OnnxSession(model)


def test_published_models_answer_and_are_swapped(engine: Engine, storage: Storage) -> None:
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    photos = [photo(c) for c in (RED, GREEN, BLUE)]
    assert ask(models, *photos) == ["red", "green", "blue"]

    swapped = colour_card(labels=tuple(reversed(COLOURS)))
    publish(engine, storage, "2", card=swapped)
    models.apply(read_slots(engine))
    assert ask(models, *photos) == ["blue", "green", "red"]
    assert models.get(TASK).version == "2"


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_answering(
    engine: Engine, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    for number, model in enumerate((b"not onnx", colour_model(side=8)), start=2):
        publish(engine, storage, str(number), model)
        models.apply(read_slots(engine))
        assert models.get(TASK).version == "1"
    assert "version 3 is not served" in caplog.text

    tampered = publish(engine, storage, "4", colour_model(gain=3.0))
    storage.write(f"models/{tampered.model_sha256}", b"something else")
    models.apply(read_slots(engine))
    assert models.get(TASK).version == "1"


def test_the_same_weights_with_another_card_are_another_version(
    engine: Engine, storage: Storage
) -> None:
    first = publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    pin = models.get(TASK).pin
    second = publish(engine, storage, "2", card=colour_card(temperature=3.0))
    models.apply(read_slots(engine))
    third = publish(engine, storage, "3", card=colour_card(temperature=9.0))
    models.apply(read_slots(engine))
    assert first.model_sha256 == second.model_sha256 == third.model_sha256
    temperatures = [
        models.pinned(TASK, named).card.output_as(Classes).temperature
        for named in (pin, models.get(TASK).pin | {"card_sha256": second.card_sha256})
    ]
    assert temperatures == [1.0, 3.0]
    assert len({models.get(TASK).identity, *(p.identity for p in (first, second))}) == 3


def test_what_a_swap_takes_away_is_found_by_who_has_it_pinned_also_where_no_file_is_kept(
    engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    models = LocalModels(storage, load_baked(bake(tmp_path)))
    pin = models.get(TASK).pin
    publish(engine, storage, "8", colour_model(gain=4.0))
    models.apply(read_slots(engine))
    assert models.get(TASK).version == "8"
    assert models.pinned(TASK, pin).version == "7"
    with pytest.raises(ModelUnavailable, match="neither held here nor in the storage"):
        models.pinned(TASK, pin | {"model_sha256": "0" * 64})


def test_a_model_whose_outputs_are_not_finite_or_cannot_be_batched_does_not_answer(
    engine: Engine, storage: Storage
) -> None:
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    for number, model in enumerate((colour_model(gain=float("nan")), lone_model()), start=2):
        publish(engine, storage, str(number), model)
        models.apply(read_slots(engine))
        assert models.get(TASK).version == "1"


def lone_model() -> bytes:
    """Return `colour_model` for exactly one photo at a time."""
    model = onnx.load_from_string(colour_model())
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.dim_value = 1
    return bytes(model.SerializeToString())


def test_without_any_model_the_answer_is_unavailable(storage: Storage) -> None:
    with pytest.raises(ModelUnavailable, match=TASK):
        LocalModels(storage).get(TASK)


@pytest.mark.parametrize("notify", [True, False], ids=["notified", "polled"])
def test_serving_follows_the_slots(
    engine: Engine, storage: Storage, settings: Settings, tmp_path: Path, notify: bool
) -> None:
    poll_s = 60.0 if notify else 0.1
    settings = settings.model_copy(update={"slots_poll_s": poll_s})
    publish(engine, storage)
    opened = open_models(settings, storage, engine, tmp_path / "none", OnnxSession)
    try:
        assert opened.models.get(TASK).version == "1"
        publish(engine, storage, "2", notify=notify)
        assert wait(lambda: opened.models.get(TASK).version == "2")
    finally:
        # a follower that sleeps is woken by any notification
        assert opened.follower is not None
        opened.follower._poll_s = 0.1
        opened.follower._stop.set()
        publish(engine, storage, "3")
        opened.close()


def test_baked_models_answer_without_a_database(storage: Storage, tmp_path: Path) -> None:
    folder = bake(tmp_path / "models")
    assert load_baked(folder)[TASK].version == "7"
    settings = Settings(studio_home=tmp_path, slots="pinned")
    opened = open_models(settings, storage, None, folder, OnnxSession)
    assert ask(opened.models, photo(GREEN)) == ["green"]
    opened.close()


def test_a_poisoned_photo_fails_alone() -> None:
    session = StubSession(0, 0, poison=0)
    assert ask(FixedModels(session), photo(RED), black(), photo(BLUE)) == ["red", "broken", "blue"]
    assert session.batches == [3, 1, 1, 1]


def test_publishing_twice_is_one_row(engine: Engine, storage: Storage) -> None:
    first = publish(engine, storage)
    again = publish(engine, storage)
    assert read_slots(engine) == {(TASK, "champion"): first}
    assert first == again == Published(TASK, "champion", "1", first.model_sha256, first.card_sha256)


class SmallGpu:
    """A GPU with room for so many photos."""

    def __init__(self, room: int) -> None:
        self.room, self.batches = room, list[int]()

    def __call__(self, inputs: Inputs) -> Outputs:
        count = len(inputs["pixels"])
        self.batches.append(count)
        if count > self.room:
            raise OutOfMemory("Failed to allocate memory for requested buffer")
        return StubSession(0, 0)(inputs)


@pytest.mark.parametrize(("room", "on_cpu"), [(3, 0), (1, 0), (0, 11)])
def test_a_full_gpu_takes_smaller_batches_and_at_last_the_cpu_does(room: int, on_cpu: int) -> None:
    pixels = np.arange(11 * SIDE * SIDE * 3).reshape(11, SIDE, SIDE, 3).astype(np.uint8)
    gpu, cpu = SmallGpu(room), StubSession(0, 0)
    logits = run(SparingSession(gpu, lambda: cpu), pixels)
    np.testing.assert_array_equal(logits, run(StubSession(0, 0), pixels))
    assert max(gpu.batches) == 11
    assert sum(cpu.batches) == on_cpu


def test_a_model_that_breaks_on_a_gpu_is_not_asked_again() -> None:
    def broken(inputs: Inputs) -> Outputs:
        del inputs
        raise ModelFailed("no")

    with pytest.raises(ModelFailed):
        run(SparingSession(broken, pytest.fail), np.zeros((4, SIDE, SIDE, 3), np.uint8))
