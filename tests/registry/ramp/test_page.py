"""The page of a version says why, shows the evidence and the photos on which versions differ."""

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, insert

from registry.ramp.differences import read_differences
from registry.ramp.page import PAGE_FILE, PAGE_TAG, log_page, render_page
from registry.ramp.rules import read_rules
from serving.db.canary_tables import Ramp
from serving.errors import BadInput
from serving.storage.interface import Storage
from tests.fakes import BLUE, RED, TASK, encode, picture
from tests.registry.conftest import Register
from tests.registry.ramp.seen import WRONG, add_pair, add_ramp, answer, listing

if TYPE_CHECKING:
    from mlflow import MlflowClient

LABELS = ("red", "green", "blue")
WHY = "disagreement: 100 % of the photos of red get another answer"
WRONG_ON_RED = [listing({"red": (3, 3, 2.4), "blue": (9, 0, 0.1)}) for _ in range(40)]


def webp(colour: tuple[int, int, int]) -> bytes:
    return encode(picture(colour), "WEBP")


@pytest.fixture
def taken_back(engine: Engine, storage: Storage) -> None:
    add_ramp(engine, WRONG_ON_RED, f"{WHY}.")
    # the last shows what the first does
    for key, colour in zip("abcd", (RED, (200, 30, 90), (120, 60, 60), RED), strict=True):
        said = answer("red", LABELS), answer("blue", LABELS)
        add_pair(engine, storage, key, webp(colour), said, "red" if key == "a" else None)
        add_pair(engine, storage, key, webp(BLUE), (answer("blue", LABELS),) * 2)


@pytest.mark.usefixtures("taken_back")
def test_the_page_says_why_which_class_and_shows_the_photos(
    engine: Engine, storage: Storage
) -> None:
    page = render_page(engine, storage, TASK, WRONG)
    assert f"{WHY}." in page
    assert re.search(r'class="marked"><td><b>red</b>', page)
    assert len(re.findall(r'<img src="data:image/webp', page)) == 3
    assert "red 90 %" in page
    assert "blue 90 %" in page
    assert len(re.findall(r'<dd class="good">red 90 %', page)) == 1, "the one a person spoke of"
    assert "rolled back from 100" in page
    assert page.count("<polyline") >= 3


@pytest.mark.usefixtures("taken_back")
def test_the_page_loads_nothing(engine: Engine, storage: Storage) -> None:
    page = render_page(engine, storage, TASK, WRONG)
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page


def test_a_version_that_is_surer_everywhere_has_a_page_that_says_so(
    engine: Engine, storage: Storage
) -> None:
    surer = [listing({"red": (12, 0, 0.4)}, surer=0.05) for _ in range(80)]
    add_ramp(engine, surer, "certainty: 5 % surer than the champion on average")
    said = answer("red", LABELS, 0.6), answer("red", LABELS, 0.99)
    add_pair(engine, storage, "a", webp(RED), said)
    page = render_page(engine, storage, TASK, WRONG)
    assert "<b>certainty</b>, surer</td>" in page
    assert "<b>certainty</b>, less sure</td>" in page
    assert "</i>certainty</span>" in page, "a line of the chart"
    assert "Those first on which the answers lie furthest apart" in page, "it is no class"


def test_a_ramp_that_has_seen_nothing_has_a_page(engine: Engine, storage: Storage) -> None:
    add_ramp(engine, [], "no listing has come", state="running")
    page = render_page(engine, storage, TASK, WRONG)
    assert "None is kept, or there are none." in page
    with pytest.raises(BadInput, match="never was beside a champion"):
        render_page(engine, storage, TASK, "99")


def test_a_ramp_without_decisions_has_a_page(engine: Engine, storage: Storage) -> None:
    row = {"task": TASK, "version": WRONG, "slot": "challenger", "champion": "1", "seen": {}}
    rules = read_rules(TASK).model_dump(mode="json")
    with engine.begin() as connection:
        more = {"settings": rules, "evidence": {}, "cursors": {}}
        connection.execute(insert(Ramp).values(row | more))
    assert "Nothing was decided yet." in render_page(engine, storage, TASK, WRONG)


def test_differences_are_of_many_listings_and_begin_with_the_worst_group(
    engine: Engine, storage: Storage
) -> None:
    for number in range(6):
        said = answer("blue", LABELS), answer("green", LABELS, 0.99)
        add_pair(engine, storage, "one", webp((0, 0, 100 + number)), said)
    add_pair(
        engine, storage, "two", webp(RED), (answer("red", LABELS), answer("blue", LABELS, 0.4))
    )
    gone = add_pair(engine, storage, "three", webp(RED), said)
    storage.delete(f"kept/{gone}")
    found = read_differences(engine, storage, TASK, WRONG, "red")
    assert [one.group for one in found] == ["red", "blue", "blue"]


@pytest.mark.slow
@pytest.mark.usefixtures("taken_back")
def test_the_page_lies_beside_the_version_in_mlflow(
    client: "MlflowClient", engine: Engine, storage: Storage, register_version: Register
) -> None:
    import mlflow

    register_version()
    version = register_version(gain=4.0)
    assert version == WRONG
    page = log_page(client, engine, storage, TASK, version)
    found = client.get_model_version(TASK, version)
    assert mlflow.artifacts.load_text(f"runs:/{found.run_id}/{PAGE_FILE}") == page
    assert found.tags[PAGE_TAG].endswith(f"{found.run_id}/artifacts/{PAGE_FILE}")
