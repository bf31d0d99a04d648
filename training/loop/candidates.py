"""From a trained network, or weights from outside, to what could be served, each with its card."""

from collections.abc import Mapping
from typing import Any

from serving.environment import read
from training.candidate import Candidate, Precision, Provenance, Uncalibrated
from training.config import TrainingConfig
from training.data.settings import DataSettings
from training.loop.embedding import Embedded, add_embedding
from training.loop.export import export_onnx, measure_parity
from training.loop.fetch import fetch_file, in_repository, locate
from training.loop.quantise import quantise
from training.module import Trained
from training.recipe import Headline, OutsideWeights, Recipe, Rows, TrainingPlan

_CHECKED = 16  # inputs on which torch and ONNX are compared


def make_candidates(
    recipe: Recipe[Any],
    trained: Trained,
    rows: Rows,
    config: TrainingConfig,
    provenance: Provenance,
) -> tuple[dict[Precision, Candidate], float]:
    """Export in fp32, quantise to int8, calibrate both; return them and the parity with torch.

    Parity is the largest difference of any output between torch and ONNX in fp32.
    """
    if not isinstance(recipe.made_by, TrainingPlan):
        raise TypeError(f"{recipe.name} is not trained here")
    inputs = recipe.made_by.steps().sample_inputs(trained, rows, config)
    fp32 = export_onnx(trained.served, trained.spec, trained.outputs)
    first = {name: array[:_CHECKED] for name, array in inputs.items()}
    parity = measure_parity(trained.served, trained.spec, fp32, first, trained.outputs)
    models: dict[Precision, bytes] = {"fp32": fp32}
    if recipe.made_by.quantised:
        models["int8"] = quantise(fp32, inputs)
    evaluation, candidates = recipe.evaluation(), {}
    for precision, model in models.items():
        made = _embed(model, recipe.made_by)
        exported = Uncalibrated(
            made.model, precision, trained.spec, config.architecture, provenance, config,
            made.length,
        )  # fmt: skip
        candidates[precision] = evaluation.calibrate(exported, rows)
    return candidates, parity


def _embed(model: bytes, plan: TrainingPlan[Any]) -> Embedded:
    """Give the model its second output, if it is to have one: after the rounding to int8."""
    return add_embedding(model, plan.embeds) if plan.embeds else Embedded(model, 0)


def adopt(
    recipe: Recipe[Any], weights: OutsideWeights, rows: Rows, provenance: Provenance
) -> dict[Precision, Candidate]:
    """Fetch weights that were trained elsewhere and calibrate them.

    Raises
    ------
    BadInput
        If they cannot be had, or are other ones than the recipe names.
    """
    exported = Uncalibrated(fetch(weights), "fp32", weights.input, weights.architecture, provenance)
    return {"fp32": recipe.evaluation().calibrate(exported, rows)}


def fetch(weights: OutsideWeights) -> bytes:
    """Return weights from outside, as the task takes them.

    Raises
    ------
    BadInput
        If it cannot be had, or its SHA-256 is not the one that was stated.
    """
    location = weights.location
    if not in_repository(location):
        location = locate(location, read(DataSettings).studio_data)
    model = fetch_file(location, weights.sha256)
    return weights.adapt(model) if weights.adapt is not None else model


def choose(candidates: Mapping[Precision, Candidate], headline: Headline) -> Precision:
    """Return int8 where there is one, unless it costs too much of the headline on validation."""
    if "int8" not in candidates:
        return "fp32"
    loss = headline.loss(candidates["fp32"].validation, candidates["int8"].validation)
    return "int8" if loss <= headline.most_lost else "fp32"
