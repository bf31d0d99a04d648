"""Settings are searched on the validation photos, and a search that was ended goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.errors import BadInput
from tests.training.colours import SMALL, make_rows
from training.config import Dimension, TrainingConfig
from training.loop.search import Observed, Plan, search
from training.room_classifier.recipe import ROOMS

SPACE = (
    Dimension("learning_rate", 1e-4, 1e-2, log=True),
    Dimension("batch_size", 4, 8),
    Dimension("fold_batchnorm", choices=(True, False)),
)
BASE = SMALL.model_copy(update={"epochs": 1})


class Watcher:
    """Remembers each trial."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, TrainingConfig, float]] = []

    @contextmanager
    def __call__(self, number: int, config: TrainingConfig) -> Iterator[Observed]:
        tell: Callable[[float], None] = lambda top1: self.seen.append((number, config, top1))  # noqa: E731
        yield None, tell


@pytest.mark.slow
def test_a_search_tries_the_space_and_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "photos", 24, 12)
    watcher = Watcher()
    first = search(ROOMS, rows, Plan(BASE, SPACE, 2, tmp_path / "s"), watcher)
    assert [number for number, _, _ in watcher.seen] == [0, 1]
    for _, config, top1 in watcher.seen:
        assert 1e-4 <= config.learning_rate <= 1e-2
        assert config.batch_size in range(4, 9)
        assert 0 <= top1 <= 1
        assert config.architecture == BASE.backbone, "what is not searched stays"
    assert first[0].value == max(top1 for _, _, top1 in watcher.seen)
    again = search(ROOMS, rows, Plan(BASE, SPACE, 3, tmp_path / "s"), watcher)
    assert [number for number, _, _ in watcher.seen] == [0, 1, 2], "two were there already"
    assert {tried.number for tried in again} == {0, 1, 2}
    assert list((tmp_path / "s").glob("trial-*")) == [], "checkpoints of ended trials go"


@pytest.mark.parametrize(
    ("dimension", "said"),
    [
        (Dimension("learning_rat", 1e-4, 1e-2), "no setting of the training"),
        (Dimension("dropout", 0.0, 1.5), "'dropout' cannot be 1.5"),
        (Dimension("weights", choices=("lots",)), "'weights' cannot be lots"),
        (Dimension("dropout", 0.1), "needs low and high"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_anything_is_trained(
    tmp_path: Path, dimension: Dimension, said: str
) -> None:
    rows = make_rows(tmp_path / "t", 6, 6)
    with pytest.raises(BadInput, match=said):
        search(ROOMS, rows, Plan(BASE, (dimension,), 1, tmp_path / "s"), Watcher())
