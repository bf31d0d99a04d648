import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.perception.boxes import overlaps, suppress


def draw(seed: int, count: int, spread: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole numbers: the reference shifts each label's boxes apart, which then costs no bit."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, spread, (count, 2))
    boxes = np.concatenate([corners, corners + random.integers(0, spread, (count, 2))], axis=1)
    scores = random.integers(0, 20, count) / np.float32(20)  # many are equally sure
    return boxes.astype(np.float32), scores.astype(np.float32), random.integers(0, 3, count)


@settings(deadline=None)
@given(
    st.integers(0, 2**32), st.integers(0, 80), st.integers(2, 100), st.sampled_from([0.3, 0.5, 0.7])
)
def test_it_keeps_what_torchvision_keeps_in_the_same_order(
    seed: int, count: int, spread: int, below: float
) -> None:
    torch = pytest.importorskip("torch")
    batched_nms = pytest.importorskip("torchvision.ops").batched_nms
    boxes, scores, labels = draw(seed, count, spread)
    expected = batched_nms(*map(torch.from_numpy, (boxes, scores, labels)), below).tolist()
    assert suppress(boxes, scores, labels, below).tolist() == expected


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40))
def test_overlaps_are_those_of_torchvision(seed: int, count: int, others: int) -> None:
    torch = pytest.importorskip("torch")
    box_iou = pytest.importorskip("torchvision.ops").box_iou
    some, more = draw(seed, count, 30)[0], draw(seed + 1, others, 30)[0]
    expected = np.nan_to_num(box_iou(torch.from_numpy(some), torch.from_numpy(more)).numpy())
    np.testing.assert_array_equal(overlaps(some, more), expected)


def test_a_box_that_was_beaten_beats_none() -> None:
    """Three in a row, each over half of the next: the middle one goes, and frees the last."""
    boxes = np.array([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], np.float32)
    kept = suppress(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, int), 0.5)
    assert kept.tolist() == [0, 2]


def test_labels_do_not_beat_each_other() -> None:
    boxes = np.array([[0, 0, 10, 10]] * 2, np.float32)
    kept = suppress(boxes, np.array([0.5, 0.6], np.float32), np.array([0, 1]), 0.5)
    assert kept.tolist() == [1, 0]
