"""A process holds one slot's versions: what is taken back is let go, and never loaded again."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from serving.errors import ModelUnavailable
from serving.models.loading import open_slot
from serving.models.local import LocalModels, load_baked
from serving.models.routing import CHALLENGER
from serving.models.session import OnnxSession, Session
from serving.models.slots import read_slots
from serving.models.watched import WatchedSessions
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.fakes import RED, SIDE, TASK, StubSession, bake, colour_model, picture, publish

PIXELS = {"pixels": np.stack([picture(RED, SIDE, SIDE)])}


def held(storage: Storage, slot: str = CHALLENGER) -> LocalModels:
    return LocalModels(storage, slot=slot)


@pytest.mark.parametrize(
    "traffic", [{"mode": "off"}, {"mode": "canary", "stopped": "NaN"}], ids=["off", "stopped"]
)
def test_a_version_beside_the_champion_answers_until_it_is_taken_back(
    engine: Engine, storage: Storage, traffic: dict[str, Any]
) -> None:
    publish(engine, storage, "1")
    publish(engine, storage, "2", colour_model(gain=4.0), slot=CHALLENGER, mode="shadow")
    models = held(storage)
    models.apply(read_slots(engine))
    assert (models.get(TASK).version, models.get(TASK).slot) == ("2", CHALLENGER)
    publish(engine, storage, "2", colour_model(gain=4.0), slot=CHALLENGER, **traffic)
    models.apply(read_slots(engine))
    with pytest.raises(ModelUnavailable):
        models.get(TASK)
    assert models.all() == {}


def test_a_version_whose_row_is_gone_is_let_go_and_a_champion_stays(
    engine: Engine, storage: Storage
) -> None:
    publish(engine, storage, "1")
    publish(engine, storage, "2", slot=CHALLENGER, mode="canary")
    both = held(storage), LocalModels(storage)
    for models in both:
        models.apply(read_slots(engine))
        models.apply({})
    assert both[0].all() == {}
    assert both[1].get(TASK).version == "1"


def test_a_version_of_before_is_found_by_who_names_it_among_champions_alone(
    engine: Engine, storage: Storage
) -> None:
    publish(engine, storage, "1")
    publish(engine, storage, "2", slot=CHALLENGER, mode="canary")
    champions, challengers = LocalModels(storage), held(storage)
    for models in (champions, challengers):
        models.apply(read_slots(engine))
    champion, challenger = champions.get(TASK).pin, challengers.get(TASK).pin
    # a fault of a version on trial would be the gateway's own
    with pytest.raises(ModelUnavailable, match="does not answer here"):
        champions.pinned(TASK, challenger)
    with pytest.raises(ModelUnavailable, match="does not answer here"):
        challengers.pinned(TASK, champion)

    later = colour_model(gain=3.0)
    publish(engine, storage, "3", later)
    publish(engine, storage, "4", later, slot=CHALLENGER, mode="canary")
    for models in (champions, challengers):
        models.apply(read_slots(engine))
    assert champions.pinned(TASK, champion).version == "1"
    with pytest.raises(ModelUnavailable, match="does not answer here"):
        challengers.pinned(TASK, challenger)

    # promoted: the same files are a champion now
    publish(engine, storage, "2")
    champions.apply(read_slots(engine))
    assert champions.pinned(TASK, challenger).version == "2"


def test_another_weight_is_no_reason_to_load_a_version_again(
    engine: Engine, storage: Storage
) -> None:
    opened: list[int] = []

    def open_session(model: bytes) -> Session:
        opened.append(len(model))
        return OnnxSession(model)

    models = LocalModels(storage, open_session=open_session, slot=CHALLENGER)
    for weight in (1.0, 5.0):
        publish(engine, storage, "2", slot=CHALLENGER, mode="canary", weight=weight)
        models.apply(read_slots(engine))
    assert len(opened) == 1


def test_nothing_that_is_baked_in_answers_for_a_version_on_trial(
    settings: Settings, engine: Engine, storage: Storage, tmp_path: Path
) -> None:
    assert load_baked(bake(tmp_path))[TASK].version == "7"
    settings = settings.model_copy(update={"baked_models": tmp_path, "slots_poll_s": 0.1})
    opened = open_slot(settings, storage, engine, ROOM_CLASSIFIER, CHALLENGER, OnnxSession)
    with pytest.raises(ModelUnavailable):
        opened.models.get(TASK)
    opened.close()


def test_a_version_is_held_without_a_database(engine: Engine, storage: Storage) -> None:
    row = publish(engine, storage, "2", slot=CHALLENGER, mode="shadow")
    opened = open_slot(Settings(), storage, row, ROOM_CLASSIFIER, CHALLENGER, OnnxSession)
    assert opened.models.get(TASK).version == "2"
    opened.close()


def test_a_call_that_hangs_ends_the_process_and_many_short_ones_do_not() -> None:
    ended, go_on = threading.Event(), threading.Event()

    class Hanging(StubSession):
        def __call__(self, inputs):  # type: ignore[no-untyped-def] # as its base
            if inputs["pixels"][0, 0, 0, 0] == 0:
                go_on.wait(30)
            return super().__call__(inputs)

    session = WatchedSessions(lambda _: Hanging(0, 0), 0.5, ended.set)(b"")
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        session(PIXELS)
    assert not ended.is_set()
    hanging = threading.Thread(target=session, args=({"pixels": PIXELS["pixels"] * 0},))
    hanging.start()
    assert ended.wait(20)
    go_on.set()
    hanging.join()


def test_a_model_that_hangs_as_it_is_opened_ends_the_process() -> None:
    ended = threading.Event()

    def open_session(_: bytes) -> Session:
        ended.wait(30)
        return StubSession(0, 0)

    WatchedSessions(open_session, 0.2, ended.set)(b"")
    assert ended.is_set()
