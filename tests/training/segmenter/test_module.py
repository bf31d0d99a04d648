import pytest
import torch

from serving.perception.classes import CLASSES
from training.segmenter.module import distillation_loss, group_truth, shrink

SINK, WALL = CLASSES.index("sink"), CLASSES.index("wall")


def make(place: int, sureness: float = 9.0) -> torch.Tensor:
    """Logits of one cell that is sure of one class."""
    logits = torch.zeros(1, len(CLASSES), 1, 1)
    logits[0, place] = sureness
    return logits


def truth_of(place: int) -> torch.Tensor:
    truth = torch.zeros(1, len(CLASSES), 1, 1)
    truth[0, place] = 1
    return truth


def loss(logits: torch.Tensor, truth: torch.Tensor, known: bool) -> float:
    return float(distillation_loss(logits, truth, torch.tensor([known]), 0.3, 0.5))


def test_a_sink_where_the_teacher_says_other_is_no_mistake() -> None:
    other = truth_of(0)
    assert loss(make(SINK), other, known=False) < 0.02 < loss(make(WALL), other, known=False)


def test_a_sink_where_nothing_is_is_one() -> None:
    assert loss(make(SINK), truth_of(0), known=True) > 5


def test_a_rendered_sink_has_to_be_called_one() -> None:
    assert loss(make(SINK), truth_of(SINK), known=True) < 0.02 < loss(make(0), truth_of(SINK), True)


def test_cells_of_which_the_teacher_is_unsure_count_less() -> None:
    logits = torch.cat([make(WALL), make(SINK)], dim=3)
    sure = torch.cat([truth_of(WALL), truth_of(WALL)], dim=3)
    unsure = sure.clone()
    unsure[..., 1] = 1 / len(CLASSES)
    assert loss(logits, unsure, True) < loss(logits, sure, True)


def test_hidden_classes_are_other_to_the_teacher() -> None:
    grouped = group_truth(truth_of(SINK))
    assert grouped[0, 0].item() == 1
    assert grouped.sum().item() == pytest.approx(1)


def test_first_steps_see_the_same_room_at_fewer_pixels() -> None:
    planes = torch.zeros(1, 3, 64, 64)
    planes[..., 32:] = 1
    truth = torch.zeros(1, len(CLASSES), 16, 16)
    truth[:, WALL, :, :8] = truth[:, SINK, :, 8:] = 1
    small, seen = shrink(planes, truth, 32)
    assert (small.shape, seen.shape) == ((1, 3, 32, 32), (1, len(CLASSES), 8, 8))
    assert seen.sum(dim=1).sub(1).abs().max() < 1e-5
    assert small[0, 0, 0, ::4].gt(0.5).equal(seen[0, SINK, 0].gt(0.5))
