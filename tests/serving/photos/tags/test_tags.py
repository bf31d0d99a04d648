"""Tags follow from facts by the table of rules, say what speaks for them, and never guess."""

import numpy as np
import pytest

from serving.perception.classes import CLASSES
from serving.perception.detect import Detection
from serving.photos.tags.facts import Facts, Surfaces, Things
from serving.photos.tags.measures import measure_surfaces, shrink
from serving.photos.tags.rules import RULES, TAGS, Clue, Quantity, Rule
from serving.photos.tags.tags import TagAnswer, find_tags
from tests.drawn_rooms import drawn_ids

SIZE = (600, 900)
ROOMS = {"living_room": 0.9, "bathroom": 0.05, "exterior": 0.05}


def surfaces(**rows: int) -> Surfaces:
    ids = drawn_ids(**rows)
    shares = {name: height / len(ids) for name, height in rows.items()}
    return Surfaces(ids, CLASSES, shares)


def things(*found: tuple[str, float], known: tuple[str, ...] = ("person", "sink")) -> Things:
    boxes = tuple(Detection(label, sure, (10.0, 20.0, 110.0, 220.0)) for label, sure in found)
    return Things(boxes, frozenset(known))


def confidences(answer: TagAnswer) -> dict[str, float]:
    return {tag.name: tag.confidence for tag in answer.tags}


def test_every_tag_is_told_once_as_there_absent_or_unavailable() -> None:
    seen = surfaces(wall=16, floor=8, sofa=8)
    answer = find_tags(Facts(SIZE, ROOMS, things(("person", 0.9)), seen, {"window_light": None}))
    told = [*confidences(answer), *answer.absent, *(one.name for one in answer.unavailable)]
    assert sorted(told) == sorted(TAGS)
    assert len(set(TAGS)) == len(TAGS)


def test_a_tag_has_its_evidence_where_it_is_seen() -> None:
    answer = find_tags(Facts(SIZE, {"exterior": 0.95}, None, surfaces(sky=16, pool=8)))
    (pool,) = (tag for tag in answer.tags if tag.name == "pool")
    (evidence,) = pool.evidence
    assert (evidence.model, evidence.what, evidence.value) == ("segmenter", "share of pool", 0.25)
    assert evidence.boxes == ((0.0, 300.0, 900.0, 450.0),)


def test_clues_that_agree_make_a_tag_surer_than_each_alone() -> None:
    seen = surfaces(wall=28, person=4)
    alone = find_tags(Facts(SIZE, ROOMS, None, seen))
    both = find_tags(Facts(SIZE, ROOMS, things(("person", 0.5)), seen))
    assert confidences(both)["people"] > confidences(alone)["people"] > 0


def test_without_models_nothing_is_said_of_anything() -> None:
    answer = find_tags(Facts(SIZE))
    assert (answer.tags, answer.absent) == ((), ())
    needed = {one.name: dict(one.needs) for one in answer.unavailable}
    assert set(needed) == set(TAGS)
    assert needed["pool"] == {"room-classifier": ("pool",), "segmenter": ("pool",)}


def test_a_label_that_no_model_knows_makes_a_tag_unavailable_and_one_that_does_available() -> None:
    blind = find_tags(Facts(SIZE, ROOMS, things(("person", 0.9))))
    assert "fireplace" in {one.name for one in blind.unavailable}
    seeing = find_tags(Facts(SIZE, ROOMS, things(("fireplace", 0.9), known=("fireplace",))))
    assert confidences(seeing)["fireplace"] > 0.5
    assert "people" in {one.name for one in seeing.unavailable}


def test_one_sink_is_not_two() -> None:
    one = find_tags(Facts(SIZE, ROOMS, things(("sink", 0.9))))
    two = find_tags(Facts(SIZE, ROOMS, things(("sink", 0.9), ("sink", 0.6))))
    assert "double_sink" in one.absent
    assert "double_sink" in confidences(two)


def test_a_room_without_furniture_is_empty_and_a_bathroom_is_not_asked() -> None:
    bare = surfaces(wall=16, ceiling=4, floor=12)
    assert "empty" in confidences(find_tags(Facts(SIZE, ROOMS, None, bare)))
    assert "empty" in find_tags(Facts(SIZE, {"bathroom": 1.0, "bedroom": 0.0}, None, bare)).absent
    full = surfaces(wall=12, ceiling=4, floor=8, bed=8)
    answer = find_tags(Facts(SIZE, ROOMS, None, full))
    assert "furnished" in confidences(answer)
    assert "empty" in answer.absent


@pytest.mark.parametrize(("light", "told"), [(250, True), (60, False)])
def test_daylight_is_told_by_how_light_the_windows_are(light: int, told: bool) -> None:
    photo = np.full((600, 900, 3), 150, np.uint8)
    photo[300:412] = light
    seen = surfaces(wall=16, window=6, floor=10)
    measured = measure_surfaces(shrink(photo), seen)
    assert measured["room_light"] == pytest.approx(0.62, abs=0.02)
    answer = find_tags(Facts(SIZE, ROOMS, None, seen, measured))
    assert ("natural_light" in confidences(answer)) is told


def test_what_cannot_be_measured_on_a_photo_is_no_clue_and_no_error() -> None:
    seen = surfaces(wall=32)
    measured = measure_surfaces(np.full((20, 30, 3), 90, np.uint8), seen)
    assert measured["window_light"] is None
    assert "natural_light" in find_tags(Facts(SIZE, ROOMS, None, seen, measured)).absent


def test_a_photo_larger_than_is_measured_is_shrunk_and_a_small_one_is_not() -> None:
    assert shrink(np.zeros((3000, 1000, 3), np.uint8)).shape == (512, 171, 3)
    small = np.zeros((40, 60, 3), np.uint8)
    assert shrink(small) is small


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.tag)
def test_every_row_of_the_table_can_be_true(rule: Rule) -> None:
    for clue in rule.any_of:
        assert 0.5 <= clue.trust <= 1
        assert all(q.low != q.high and q.names for q in clue.all_of)


def test_a_rule_of_ones_own_is_a_row() -> None:
    own = Rule("sauna", (Clue((Quantity("room", ("sauna",), 0.2, 0.6),), 1.0),))
    answer = find_tags(Facts(SIZE, {"sauna": 0.5}), [own])
    assert confidences(answer) == {"sauna": 0.75}
