"""What is observed of a question, whichever of the two versions breaks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from serving.card import PhotoInput
from serving.db.canary_tables import BadEvent
from serving.errors import ModelFailed, Overloaded, StudioError
from serving.image import PhotoFile
from serving.models.asker import Asker
from serving.models.challenger import Challengers
from serving.models.local import ModelVersion
from serving.models.pinned import PinnedModel, pinned_route
from serving.models.predictor import LocalPredictor, Prediction
from serving.models.router import Outcome
from serving.models.routes import TaskRoute
from serving.models.slot_address import SlotAddress
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.interface import Storage
from tests.fakes import (
    GREEN,
    TASK,
    FixedModels,
    StubSession,
    colour_card,
    colour_model,
    photo,
    publish,
)
from tests.routed_studio import RoutedStudio, fallbacks

LARGE = PhotoInput(height=32, width=32, mean=(0, 0, 0), std=(255, 255, 255))


@pytest.fixture
def studio(engine: Engine, storage: Storage, tmp_path: Path) -> Iterator[RoutedStudio]:
    publish(engine, storage)
    with closing(RoutedStudio(engine, storage, tmp_path)) as studio:
        yield studio


def champion(source: PhotoFile) -> Outcome:
    models = FixedModels(StubSession(0, 0))
    (said,) = LocalPredictor(models).predict(ROOM_CLASSIFIER, [source])
    return said


def answer(
    studio: RoutedStudio, said: StudioError | None = None, route: TaskRoute | None = None
) -> Outcome:
    """Ask about a photo of which the champion says `said`, or what it shows."""
    source = photo(GREEN)
    route = route or studio.router.routes.of(TASK)
    asker, before = Asker("backend", "42"), said or champion(source)
    source.release()
    question = studio.router.question(ROOM_CLASSIFIER, source, asker, before, route)
    return studio.router.answer_now(question)


def test_another_version_answers_where_the_champion_breaks(studio: RoutedStudio) -> None:
    studio.say(weight=100)
    said = answer(studio, ModelFailed("the champion broke"))
    assert isinstance(said, Prediction)
    assert said.slot == "challenger"
    assert studio.rows() == [("challenger", "served", False, False)]
    assert studio.bad() == [("champion", "error", "ModelFailed")]


def test_a_champion_that_breaks_alone_is_compared_with_the_version_in_shadow(
    studio: RoutedStudio,
) -> None:
    studio.say(weight=0, shadow=100)
    assert isinstance(answer(studio, ModelFailed("the champion broke")), ModelFailed)
    assert studio.bad() == [("champion", "error", "ModelFailed")]
    assert [row[:2] for row in studio.rows()] == [("challenger", "paired")]


@pytest.mark.parametrize("pinned", [False, True])
def test_what_a_champion_broke_on_is_told_of_its_version(
    studio: RoutedStudio, engine: Engine, storage: Storage, pinned: bool
) -> None:
    studio.say(weight=100)
    route = None
    if pinned:
        now = studio.router.routes.of(TASK)
        kept = PinnedModel(ModelVersion(colour_card(), "1", "champion"), now).pin
        publish(engine, storage, version="3")  # the job goes on with version 1
        studio.follow()
        route = pinned_route(TASK, kept, studio.router.routes)
    answer(studio, ModelFailed("the champion broke"), route)
    assert studio.observer.flush()
    with engine.connect() as connection:
        found = connection.execute(select(BadEvent.version, BadEvent.beside)).all()
    assert [tuple(row) for row in found] == [("1", "2")]


def test_what_breaks_in_shadow_is_noted_and_the_champions_answer_is_kept(
    studio: RoutedStudio,
) -> None:
    studio.say(weight=0, shadow=100)
    studio.host.mode = "NaN"
    answer(studio)
    assert studio.bad() == [("challenger", "error", "not_finite")]
    assert [row[:2] for row in studio.rows()] == [("champion", "served")]


def test_who_is_too_busy_to_decode_is_no_fault_of_any_model(studio: RoutedStudio) -> None:
    studio.say(weight=100)
    assert isinstance(answer(studio, Overloaded("no memory", 1.0)), Overloaded)
    assert (studio.host.asked, studio.bad()) == (0, [])


def test_a_version_that_begins_is_counted_and_not_blamed(
    studio: RoutedStudio, tmp_path: Path
) -> None:
    studio.say(weight=100)
    nowhere = SlotAddress("http://slot", tmp_path / "nobody.sock")
    studio.router.challengers.close()
    studio.router.challengers = Challengers(lambda *_: nowhere)
    before = fallbacks("starting")
    answer(studio)
    assert fallbacks("starting") == before + 1
    assert studio.bad() == []


@pytest.mark.parametrize(("weight", "shadow"), [(100, 0), (0, 100)])
def test_a_version_with_another_input_is_given_what_it_takes(
    engine: Engine, storage: Storage, tmp_path: Path, weight: float, shadow: float
) -> None:
    publish(engine, storage)
    model, card = colour_model(side=32), colour_card(input=LARGE)
    with closing(RoutedStudio(engine, storage, tmp_path, model=model, card=card)) as studio:
        studio.say(weight=weight, shadow=shadow)
        answer(studio)
        assert studio.bad() == []
        asked = [row for row in studio.rows() if row[0] == "challenger"]
        assert [row[2:] for row in asked] == [(True, True)]
        assert studio.bad() == []


def test_while_the_breaker_is_open_what_nobody_waits_for_closes_it(studio: RoutedStudio) -> None:
    studio.say(weight=100)
    answer(studio)
    studio.host.mode = "500"
    for _ in range(3):
        answer(studio)
    studio.host.mode = "right"
    slots = []
    for _ in range(5):
        said = answer(studio)
        assert isinstance(said, Prediction)
        slots.append(said.slot)
        assert studio.router.shadow.drain(20)
    assert slots == ["champion"] * 3 + ["challenger"] * 2
