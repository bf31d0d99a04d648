"""A model that answers over the wire answers as it would in this process, version by version."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydantic import ValidationError
from sqlalchemy import Engine

from serving.errors import BadImage, BadInput, ModelUnavailable, StudioError
from serving.image import PhotoFile
from serving.models.cached import CachedPredictor
from serving.models.local import LocalModels
from serving.models.predictor import LocalPredictor, Prediction, or_raise
from serving.models.remote import RemotePredictor
from serving.models.service import answer_items
from serving.models.slots import read_slots
from serving.models.wire import ArrayBytes, Item
from serving.photos.classify import ROOM_CLASSIFIER, RoomAnswer
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from tests.fakes import (
    BLUE,
    COLOURS,
    GREEN,
    RED,
    SIDE,
    TASK,
    FixedModels,
    StubSession,
    colour_card,
    colour_model,
    photo,
    picture,
    publish,
)
from tests.model_host import ModelHost

DTYPES = st.sampled_from([np.uint8, np.int32, np.int64, np.float32])


def black() -> PhotoFile:
    return photo((0, 0, 0), noise=0)


def named(results: list[Prediction[RoomAnswer] | StudioError]) -> list[str]:
    return [r.answer.room_type if isinstance(r, Prediction) else type(r).__name__ for r in results]


@pytest.fixture
def host() -> Iterator[ModelHost]:
    host = ModelHost(ROOM_CLASSIFIER, FixedModels(StubSession(0, 0, poison=0)))
    yield host
    host.close()


@pytest.fixture
def published(engine: Engine, storage: Storage) -> Iterator[ModelHost]:
    """A service that follows what is published when it is told to."""
    publish(engine, storage)
    models = LocalModels(storage)
    models.apply(read_slots(engine))
    host = ModelHost(ROOM_CLASSIFIER, models)
    yield host
    host.close()


@given(DTYPES.flatmap(lambda dtype: arrays(dtype, array_shapes(max_dims=3, max_side=9))))
def test_arrays_survive_the_wire(array: np.ndarray) -> None:
    sent = ArrayBytes.model_validate_json(ArrayBytes.of(array).model_dump_json())
    np.testing.assert_array_equal(sent.array(), array)
    assert sent.array().dtype == array.dtype


@given(st.lists(st.integers(-2, 5), max_size=3), st.binary(max_size=60))
def test_bytes_that_do_not_fill_their_shape_are_refused(shape: list[int], data: bytes) -> None:
    wrong = ArrayBytes(dtype="uint8", shape=tuple(shape), data=data)
    if min(shape, default=1) > 0 and len(data) == np.prod(shape, dtype=int):
        assert wrong.array().shape == tuple(shape)
        return
    with pytest.raises(BadInput):
        wrong.array()


def test_an_item_of_another_shape_or_type_than_the_models_fails_alone() -> None:
    fixed = FixedModels(StubSession(0, 0))
    well = Item(arrays={"pixels": ArrayBytes.of(picture(RED, SIDE, SIDE))})
    short = Item(arrays={"pixels": ArrayBytes(dtype="uint8", shape=(SIDE, SIDE, 3), data=b"12")})
    replies = answer_items(ROOM_CLASSIFIER, fixed, [well, short, well])
    assert [reply.error is None for reply in replies] == [True, False, True]
    with pytest.raises(ValidationError):
        ArrayBytes.of(np.zeros(2, np.complex128))


def test_a_remote_model_answers_as_a_local_one(host: ModelHost) -> None:
    remote = RemotePredictor(host.url)
    local = LocalPredictor(FixedModels(StubSession(0, 0, poison=0)))
    asked = [photo(RED), black(), PhotoFile(b"no photo", 10**6), photo(BLUE)]
    answers = remote.predict(ROOM_CLASSIFIER, asked)
    assert named(answers) == ["red", "ModelFailed", "BadImage", "blue"]
    assert named(answers) == named(local.predict(ROOM_CLASSIFIER, asked))
    assert answers[0] == local.predict(ROOM_CLASSIFIER, asked)[0]
    remote.close()


def test_a_request_names_the_version_it_wants_and_gets_it_after_a_swap(
    published: ModelHost, engine: Engine, storage: Storage
) -> None:
    remote = RemotePredictor(published.url, fresh_s=60)
    pinned = remote.find(ROOM_CLASSIFIER)
    swapped = colour_card(labels=tuple(reversed(COLOURS)))
    publish(engine, storage, "2", colour_model(gain=4.0), card=swapped)
    assert isinstance(published.models, LocalModels)
    published.models.apply(read_slots(engine))

    def ask(predictor: RemotePredictor, pin: dict[str, str] | None) -> Prediction[RoomAnswer]:
        version = predictor.find(ROOM_CLASSIFIER, pin)
        return or_raise(predictor.predict(ROOM_CLASSIFIER, [photo(RED)], version)[0])

    later = RemotePredictor(published.url)
    for predictor in (remote, later):
        first = ask(predictor, pinned.pin)
        assert (first.version, first.answer.room_type) == ("1", "red")
    now = ask(later, None)
    assert (now.version, now.answer.room_type) == ("2", "blue")
    with pytest.raises(ModelUnavailable, match="neither held here nor in the storage"):
        later.find(ROOM_CLASSIFIER, pinned.pin | {"model_sha256": "0" * 64})


def test_which_version_answers_is_asked_again_soon_and_not_each_time(host: ModelHost) -> None:
    remote = RemotePredictor(host.url, fresh_s=60)
    for _ in range(3):
        remote.predict(ROOM_CLASSIFIER, [photo(GREEN)])
    assert [path.rpartition("/")[2] for path in host.asked] == ["find", *["predict"] * 3]
    stale = RemotePredictor(host.url, fresh_s=0)
    for _ in range(2):
        stale.find(ROOM_CLASSIFIER)
    assert [path.rpartition("/")[2] for path in host.asked[4:]] == ["find", "find"]


def test_a_photo_that_cannot_be_read_is_never_sent(host: ModelHost) -> None:
    remote = RemotePredictor(host.url)
    (result,) = remote.predict(ROOM_CLASSIFIER, [PhotoFile(b"no photo", 10**6)])
    assert isinstance(result, BadImage)
    assert host.asked == [f"/{TASK}/find"]


def test_a_model_service_that_is_away_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable):
        RemotePredictor("http://127.0.0.1:1", waits_s=(0.01,)).predict(
            ROOM_CLASSIFIER, [photo(RED)]
        )


def test_a_kept_answer_has_the_slot_of_who_asks_now(engine: Engine) -> None:
    answers, session = Answers(engine, 1000), StubSession(0, 0)
    models = FixedModels(session)
    predictor = CachedPredictor(LocalPredictor(models), answers)
    first = or_raise(predictor.predict(ROOM_CLASSIFIER, [photo(RED)])[0])
    assert (first.slot, first.cached) == ("champion", False)
    answers.flush()
    models.slot = "challenger"
    elsewhere = CachedPredictor(LocalPredictor(models), Answers(engine, 1000))
    again = or_raise(elsewhere.predict(ROOM_CLASSIFIER, [photo(RED)])[0])
    assert (again.slot, again.cached, again.answer) == ("challenger", True, first.answer)
    kept = answers.get(photo(RED).sha256, TASK, first.identity)
    assert kept is not None
    assert "champion" not in json.dumps(kept)
    assert session.batches == [1]


def test_an_answer_kept_in_another_form_is_worked_out_anew(engine: Engine) -> None:
    answers = Answers(engine, 1000)
    models = FixedModels(StubSession(0, 0))
    predictor = CachedPredictor(LocalPredictor(models), answers)
    answers.put(photo(RED).sha256, TASK, models.get(TASK).identity, {"room": "red"})
    found = or_raise(predictor.predict(ROOM_CLASSIFIER, [photo(RED)])[0])
    assert (found.answer.room_type, found.cached) == ("red", False)


def test_in_a_batch_only_what_is_not_known_is_asked(host: ModelHost) -> None:
    predictor = CachedPredictor(RemotePredictor(host.url), Answers(None, 100))
    predictor.predict(ROOM_CLASSIFIER, [photo(RED)])
    answers = predictor.predict(ROOM_CLASSIFIER, [photo(GREEN), photo(RED), black()])
    assert named(answers) == ["green", "red", "ModelFailed"]
    assert [isinstance(a, Prediction) and a.cached for a in answers] == [False, True, False]
