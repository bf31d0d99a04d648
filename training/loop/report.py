"""The evaluation of any candidate: its own figures, its cost, beside fp32 and the champion."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.models.session import OnnxSession
from serving.task import example_inputs
from training.candidate import Candidate, Precision, Report
from training.loop.intervals import flatten, paired_difference
from training.recipe import Dataset, Recipe


def report(
    recipe: Recipe[Any],
    candidates: Mapping[Precision, Candidate],
    chosen: Precision,
    rows: pd.DataFrame,
    dataset: Dataset,
    champion: Candidate | None = None,
) -> Report:
    """Evaluate the chosen candidate on the frozen test set, against fp32 and the champion.

    Parameters
    ----------
    rows : of the frozen test set
    champion : what is served now; compared on the rows that both can be asked about
    """
    evaluation, name = recipe.evaluation(), recipe.headline.name
    found = evaluation.evaluate(candidates[chosen], rows, dataset)
    figures = dict(found.figures)
    if chosen != "fp32":
        full = evaluation.score(candidates["fp32"], rows, dataset)
        figures |= compare(full, found.scores, f"onnx/quantised_{name}_loss")
    if champion is not None:
        theirs = evaluation.score(champion, rows, dataset)
        figures |= compare(found.scores, theirs, f"champion/{name}_difference")
        figures["champion/compared"] = share_compared(found.scores, theirs)
    return replace(found, figures=figures | measure_cost(candidates, chosen))


def compare(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], figure: str
) -> dict[str, float]:
    """Return how scores differ on the rows that both have one of, as a figure and its interval."""
    both = comparable(ours, theirs)
    return flatten({figure: paired_difference(ours[both], theirs[both])}) if both.any() else {}


def share_compared(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return of which share of the rows that ours has a score of, theirs has one too, 0..1.

    An evaluation that costs much may judge some of the rows alone; none at all compares nothing.
    """
    judged = np.isfinite(ours).sum()
    return float(comparable(ours, theirs).sum() / judged) if judged else 0.0


def comparable(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of which rows both have a score."""
    both: NDArray[np.bool_] = np.isfinite(ours) & np.isfinite(theirs)
    return both


def measure_cost(candidates: Mapping[Precision, Candidate], chosen: Precision) -> dict[str, float]:
    """Return CPU-ms of one example and the size of the file: `onnx/…`."""
    figures = {f"onnx/{name}_cpu_ms": time_example(item) for name, item in candidates.items()}
    figures["onnx/cpu_ms"] = figures[f"onnx/{chosen}_cpu_ms"]
    figures["onnx/megabytes"] = len(candidates[chosen].model) / 1e6
    return figures


def time_example(candidate: Candidate, rounds: int = 20) -> float:
    """Return the CPU-ms of one example through the model on one thread, the least of five tries."""
    session, inputs = OnnxSession(candidate.model), example_inputs(candidate.card)
    session(inputs)
    tries = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(rounds):
            session(inputs)
        tries.append((time.process_time() - started) / rounds * 1e3)
    return min(tries)
