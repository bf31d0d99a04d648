from collections.abc import Sequence as Sequence_
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from serving.audio.beat_tracker import BEAT_TRACKER, BeatAnswer
from serving.card import (
    ArrayInput,
    ArraySpec,
    Boxes,
    Classes,
    Curves,
    Label,
    Map,
    ModelCard,
    Output,
    Picture,
    Score,
    Sequence,
)
from serving.encoded import Encoded
from serving.models.comparison import Comparison, compare, group_of, label_of
from serving.perception.detect import DETECTOR, DetectAnswer, Detection
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from serving.task import Inputs, Outputs, Size
from tests.serving.models.observations import CARD, room_answer


def card_of(output: object) -> ModelCard:
    inputs = ArrayInput(arrays=(ArraySpec(name="x", dtype="float32", shape=("n", 1)),))
    return ModelCard(
        task="any", input=inputs, output=output, licence="Apache-2.0", backbone="x",
        precision="fp32", data_version="1",
    )  # fmt: skip


@dataclass(frozen=True)
class Pixels:
    picture: Encoded


@dataclass(frozen=True)
class Found:
    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Detections:
    boxes: tuple[Found, ...]


class Any_:
    """A task of which only the form of its answers matters."""

    name = "any"

    def __init__(self, answer: type) -> None:
        self.answer: TypeAdapter[Any] = TypeAdapter(answer)

    def prepare(self, source: object, card: ModelCard) -> Inputs:
        raise NotImplementedError

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> object:
        raise NotImplementedError

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        raise NotImplementedError


def quality(score: float, **parts: float) -> QualityAnswer:
    return QualityAnswer(score, parts, {}, None, "")  # type: ignore[arg-type]


def test_classes_agree_by_their_best_label_and_differ_by_total_variation() -> None:
    champion = room_answer("red", 0.9)
    assert compare(ROOM_CLASSIFIER, CARD, champion, champion) == Comparison("red", True, 0.0)
    unsure = compare(ROOM_CLASSIFIER, CARD, champion, room_answer("red", 0.5))
    assert unsure.agrees
    assert unsure.distance == pytest.approx(0.4)
    assert unsure.shift == pytest.approx(-0.4)
    other = compare(ROOM_CLASSIFIER, CARD, champion, room_answer("blue", 0.9))
    assert (other.group, other.agrees, other.shift) == ("red", False, 0.0)
    surer = compare(ROOM_CLASSIFIER, CARD, champion, room_answer("blue", 0.99))
    assert surer.shift == pytest.approx(0.09), "of the best labels, whichever they are"
    nan = compare(ROOM_CLASSIFIER, CARD, champion, room_answer("red", float("nan")))
    assert nan.shift == 1.0, "as far as can be"
    assert label_of(CARD, champion) == group_of(CARD, champion) == "red"


def test_a_version_with_other_labels_is_far_from_the_champion() -> None:
    new = room_answer("red", 1.0)
    renamed = type(new)("hall", 1.0, True, {"hall": 1.0}, "interior")
    assert compare(ROOM_CLASSIFIER, CARD, new, renamed) == Comparison("red", False, 1.0)


@given(st.floats(0, 100), st.floats(0, 100))
def test_scores_agree_within_a_twentieth_of_their_range(one: float, other: float) -> None:
    found = compare(PHOTO_QUALITY, card_of(Score()), quality(one), quality(other))
    assert found.distance == pytest.approx(abs(one - other) / 100)
    assert found.shift == pytest.approx((other - one) / 100)
    assert found.agrees == (found.distance <= 0.05)
    assert found.group == group_of(card_of(Score()), quality(one))


def test_a_part_of_a_score_counts_as_the_whole_does() -> None:
    card = card_of(Score(parts=("sharpness", "light")))
    champion = quality(80, sharpness=90, light=70)
    assert compare(PHOTO_QUALITY, card, champion, quality(80, sharpness=88, light=70)).agrees
    found = compare(PHOTO_QUALITY, card, champion, quality(80, sharpness=40, light=70))
    assert found == Comparison("80-90", False, 0.5)
    assert compare(PHOTO_QUALITY, card, champion, quality(80, sharpness=90)).distance == 1.0


def test_steps_agree_where_few_values_differ() -> None:
    card = card_of(Sequence(rate_hz=50, columns=("beat", "downbeat", "neither")))
    values = np.random.default_rng(1).random((200, 3)).astype(np.float32)
    nudged = values.copy()
    nudged[:5] = 1 - nudged[:5]

    def against(other: np.ndarray) -> Comparison:
        answers = (BeatAnswer(Encoded.of_map(v)) for v in (values, other))
        return compare(BEAT_TRACKER, card, *answers)

    assert against(values) == Comparison("*", True, 0.0)
    assert against(nudged).agrees
    assert not against(1 - values).agrees
    assert against(values[:100]) == Comparison("*", False, 1.0)
    assert against(np.full_like(values, np.nan)).distance == 1.0


def test_maps_of_classes_differ_by_their_share_of_pixels() -> None:
    card = card_of(Map(labels=(Label(name="floor"), Label(name="wall"))))
    floor = np.zeros((10, 10), np.uint8)
    some = floor.copy()
    some[:3] = 1

    def against(other: np.ndarray) -> Comparison:
        answers = (Pixels(Encoded.of_map(v)) for v in (floor, other))
        return compare(Any_(Pixels), card, *answers)

    assert against(floor) == Comparison("*", True, 0.0)
    assert against(some) == Comparison("*", False, 0.3, 0.0), "a map does not say how sure it is"


def test_measures_are_compared_within_the_range_of_the_champions() -> None:
    card = card_of(Map(unit="m"))
    depth = np.linspace(1, 5, 100, dtype=np.float32).reshape(10, 10)
    answers = [Pixels(Encoded.of_map(v)) for v in (depth, depth + np.float32(0.2))]
    found = compare(Any_(Pixels), card, *answers)
    assert found.agrees
    assert found.distance == pytest.approx(0.05, abs=1e-4)
    flat = [Pixels(Encoded.of_map(v)) for v in (depth, depth * 0 + 3)]
    assert not compare(Any_(Pixels), card, *flat).agrees


def test_pictures_differ_by_their_brightness() -> None:
    card = card_of(Picture())
    grey = np.full((8, 8, 3), 100, np.uint8)

    def against(other: np.ndarray) -> Comparison:
        answers = (Pixels(Encoded.of_picture(v, lossless=True)) for v in (grey, other))
        return compare(Any_(Pixels), card, *answers)

    assert against(grey + np.uint8(3)).agrees
    assert against(grey + np.uint8(51)) == Comparison("*", False, pytest.approx(0.2))  # type: ignore[arg-type]
    assert not against(np.full((8, 9, 3), 100, np.uint8)).agrees


def test_boxes_are_the_same_where_they_overlap_by_half() -> None:
    card = card_of(Boxes(labels=(Label(name="sofa"), Label(name="bed")), score_above=0.3))
    sofa, bed = Found("sofa", (0, 0, 10, 10)), Found("bed", (20, 20, 30, 30))
    moved = Found("sofa", (1, 0, 11, 10))

    def against(*others: Found) -> Comparison:
        said = Detections((sofa, bed)), Detections(others)
        return compare(Any_(Detections), card, *said)

    assert against(bed, moved) == Comparison("*", True, 0.0)
    assert against(bed) == Comparison("*", False, pytest.approx(1 / 3))  # type: ignore[arg-type]
    assert not against(bed, Found("bed", sofa.box)).agrees
    assert compare(Any_(Detections), card, Detections(()), Detections(())).agrees


def test_boxes_are_surer_by_their_mean_confidence_where_both_found_any() -> None:
    card = card_of(Boxes(labels=(Label(name="sofa"), Label(name="bed")), score_above=0.3))

    def shift(champion: Sequence_[float], other: Sequence_[float]) -> float:
        said = (
            DetectAnswer(tuple(Detection("sofa", sure, (0, 0, 9, 9)) for sure in one), (9, 9))
            for one in (champion, other)
        )
        return compare(DETECTOR, card, *said).shift

    assert shift([0.5, 0.7], [0.9]) == pytest.approx(0.3)
    assert shift([0.9], [0.5, 0.7]) == pytest.approx(-0.3)
    assert shift([], [0.9]) == shift([0.9], []) == shift([], []) == 0.0


def test_every_kind_of_output_has_a_measure() -> None:
    """A new kind of output must not fall into that of another unseen."""
    assert set(get_args(Output)) == {Classes, Score, Boxes, Map, Picture, Sequence, Curves}
