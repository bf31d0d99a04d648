import numpy as np
import pytest

from serving.photos.classify import to_probabilities
from training.loop.class_calibration import fit_temperature, fit_threshold

random = np.random.default_rng(1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fit_temperature_finds_the_one_that_made_the_labels(temperature: float) -> None:
    logits = (random.normal(size=(20_000, 6)) * 4).astype(np.float32)
    probabilities = to_probabilities(logits, temperature)
    labels = (probabilities.cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_fit_threshold_keeps_its_promise_with_as_many_photos_as_it_can() -> None:
    confidence = random.random(5000)
    right = random.random(5000) < 0.6 + 0.4 * confidence
    threshold = fit_threshold(confidence, right, precision=0.9)
    above = confidence >= threshold
    assert right[above].mean() >= 0.9
    lower = confidence >= threshold - 0.05
    assert right[lower].mean() < 0.9


def test_fit_threshold_promises_nothing_when_nothing_keeps_it() -> None:
    confidence = random.random(1000)
    assert fit_threshold(confidence, random.random(1000) < 0.5, precision=0.99) == 1.0
