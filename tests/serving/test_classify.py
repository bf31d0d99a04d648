"""What a photo's logits mean: probabilities, confidence, scene."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from serving.card import Classes
from serving.errors import BadImage
from serving.image.squeeze import to_pixels
from serving.photos.classify import to_answer, to_probabilities
from tests.fakes import RED, colour_card, picture

LOGITS = arrays(np.float32, 3, elements=st.floats(-50, 50, width=32))


@given(LOGITS, st.floats(0.05, 20))
def test_an_answer_is_the_best_of_scores_that_sum_to_one(
    logits: np.ndarray, temperature: float
) -> None:
    answer = to_answer(logits, colour_card(temperature=temperature))
    scores = list(answer.scores.values())
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert scores == sorted(scores, reverse=True)
    assert answer.scores[answer.room_type] == answer.confidence == scores[0]
    assert answer.room_type == ("red", "green", "blue")[int(logits.argmax())] or (
        np.sort(logits)[-1] - np.sort(logits)[-2] < 1e-3
    )


@given(LOGITS)
def test_temperature_changes_the_confidence_and_never_the_order(logits: np.ndarray) -> None:
    cold, warm = to_probabilities(logits, 0.5), to_probabilities(logits, 3.0)
    assert cold.max() >= warm.max() - 1e-6
    assert warm[cold.argmax()] == pytest.approx(warm.max(), abs=1e-5)


def test_confident_begins_at_the_threshold_of_the_card() -> None:
    logits = np.log(np.array([0.8, 0.1, 0.1], np.float32))
    assert to_answer(logits, colour_card(confident_above=0.79)).confident
    assert not to_answer(logits, colour_card(confident_above=0.81)).confident


def test_the_scene_is_judged_by_all_labels_and_not_by_the_best() -> None:
    # the best label is alone on its side; the two others of one scene outweigh it
    card = colour_card()
    scenes = {label.name: label.scene for label in card.output_as(Classes).labels}
    lone = next(n for n, s in scenes.items() if list(scenes.values()).count(s) == 1)
    weights = [0.4 if label.name == lone else 0.3 for label in card.output_as(Classes).labels]
    answer = to_answer(np.log(np.array(weights, np.float32)), card)
    assert answer.room_type == lone
    assert answer.scene != scenes[lone]


@given(st.integers(16, 300), st.integers(16, 300), st.sampled_from([32, 64]))
def test_any_photo_is_brought_to_the_models_size(height: int, width: int, side: int) -> None:
    photo = picture(RED, height, width)
    before = photo.copy()
    pixels = to_pixels(photo, side, side)
    assert pixels.shape == (side, side, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.mean(axis=(0, 1)) - photo.mean(axis=(0, 1))).max() < 3
    assert (photo == before).all(), "the input is left as it was"


def test_what_is_not_rgb_is_refused() -> None:
    with pytest.raises(BadImage, match="uint8"):
        to_pixels(np.zeros((40, 40), np.uint8), 32, 32)
