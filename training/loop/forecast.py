"""How far a candidate's answers lie from the served champion's, on the frozen test set, by group.

A ramp compares both on live photos. A better model answers otherwise too: what a version is held
against there is how it answered here, with the upper ends of intervals.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.errors import StudioError
from serving.models.comparison import ALL, Comparison, compare, group_of
from serving.models.predictor import answer_prepared, prepare
from serving.models.session import cores
from serving.task import Source
from training.candidate import Candidate
from training.loop.held import hold
from training.loop.intervals import proportion
from training.recipe import Recipe

_LEAST = 10  # photos of a group; of fewer nothing is foreseen, and the ramp's own ceilings hold
_ROUNDS = 1000
_ENDS = 0.025, 0.975
_UNLIKE = 1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """How a candidate's answer to one row compares with the champion's."""

    listing: str
    comparison: Comparison


@dataclass(frozen=True)
class GroupForecast:
    """What is to be expected of a group: shares of photos, mean distances 0..1 and shifts -1..1.

    Attributes
    ----------
    n : photos that it was measured on
    disagree_high, distance_high : upper ends of 95 % intervals that take listings as wholes
    shift, shift_low, shift_high : how much surer it is than the champion, with its interval's ends
    """

    n: int
    disagree: float
    disagree_high: float
    distance: float
    distance_high: float
    shift: float
    shift_low: float
    shift_high: float


def forecast(
    recipe: Recipe[Any], candidate: Candidate, champion: Candidate, rows: pd.DataFrame
) -> dict[str, Any]:
    """Ask both about every row, and return what is to be expected of live photos.

    Returns
    -------
    {"groups": {group: GroupForecast as a dict}, "champion": SHA-256 of its model}; the group `*` is
    all photos, the others are the champion's classes or a score's deciles
    """
    groups = foresee(list(compare_rows(recipe, candidate, champion, rows)))
    return {
        "groups": {name: asdict(found) for name, found in sorted(groups.items())},
        "champion": champion.sha256,
    }


def compare_rows(
    recipe: Recipe[Any], candidate: Candidate, champion: Candidate, rows: pd.DataFrame
) -> Iterator[Pair]:
    """Ask both about each row as serving does; rows that the champion cannot answer are left out.

    Where the candidate alone fails, it disagrees as much as can be.
    """
    task, evaluation = recipe.task, recipe.evaluation()
    theirs, ours = hold(champion), hold(candidate)

    def ask(row: dict[str, Any]) -> Pair | None:
        source: Source = evaluation.source(row)
        (before, after) = (
            answer_prepared(task, model, [prepare(task, source, model)])[0]
            for model in (theirs, ours)
        )
        if isinstance(before, StudioError):
            return None
        if isinstance(after, StudioError):
            found = Comparison(group_of(theirs.card, before), False, _UNLIKE)
        else:
            found = compare(task, theirs.card, before, after)
        return Pair(str(row["listing"]), found)

    with ThreadPoolExecutor(cores()) as pool:
        yield from (pair for pair in pool.map(ask, _records(rows)) if pair is not None)


def foresee(pairs: Sequence[Pair]) -> dict[str, GroupForecast]:
    """Return what is to be expected of each group that enough photos are of, and of all (`*`)."""
    named = {pair.comparison.group for pair in pairs} - {ALL}
    parts = {name: [pair for pair in pairs if pair.comparison.group == name] for name in named}
    parts[ALL] = list(pairs)
    return {name: _of_group(part) for name, part in parts.items() if len(part) >= _LEAST}


def _of_group(pairs: Sequence[Pair]) -> GroupForecast:
    disagree = np.array([not pair.comparison.agrees for pair in pairs], np.float64)
    distance = np.array([pair.comparison.distance for pair in pairs], np.float64)
    shift = np.array([pair.comparison.shift for pair in pairs], np.float64)
    _, places = np.unique([pair.listing for pair in pairs], return_inverse=True)
    # Wilson's knows what no disagreement in few photos is worth, the bootstrap that the photos of
    # one listing go together: the wider of both holds
    high = max(proportion(disagree > 0).high, _bootstrap(disagree, places)[1])
    return GroupForecast(
        len(pairs),
        float(disagree.mean()),
        min(high, 1.0),
        float(distance.mean()),
        min(_bootstrap(distance, places)[1], 1.0),
        float(shift.mean()),
        *_bootstrap(shift, places),
    )


def _bootstrap(values: Floats, places: NDArray[np.intp]) -> tuple[float, float]:
    """Return the ends of a mean's interval, whole listings drawn anew (Efron 1979).

    Parameters
    ----------
    places : the number of each value's listing
    """
    sums, counts = np.bincount(places, values), np.bincount(places)
    draws = np.random.default_rng(0).integers(len(sums), size=(_ROUNDS, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, _ENDS)
    return float(low), float(high)


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
