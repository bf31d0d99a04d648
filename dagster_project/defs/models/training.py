"""From data to what could be registered: a network trained here, or weights from outside."""

import shutil
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field

from dagster_project.defs.models.data import open_recipe_dataset, table_of
from dagster_project.models import show
from dagster_project.models.values import Exported, TrainingRun
from dagster_project.studio import Studio
from registry.client import open_experiment, tracking_uri
from registry.runs import log_dataset, start_run, track_machine
from training.config import TrainingConfig
from training.recipe import OutsideWeights, Recipe, TrainingPlan


def training_assets(recipe: Recipe[Any]) -> list[dg.AssetsDefinition]:
    """Return the assets that make a recipe's model and export it."""
    if isinstance(recipe.made_by, OutsideWeights):
        return [_adopted_models(recipe, recipe.made_by)]
    return [_trained_model(recipe, recipe.made_by), _exported_models(recipe)]


def launchpad(config: TrainingConfig) -> dg.Config:
    """Return a training's settings as the launchpad shows them."""
    kind = type(config)
    shown: type[dg.Config] = type(f"Dagster{kind.__name__}", (kind, dg.Config), {})
    return shown(**config.model_dump())


def _open_run(
    recipe: Recipe[Any],
    studio: Studio,
    name: str,
    data: tuple[pd.DataFrame, str],
    facts: tuple[dict[str, Any], dict[str, str]],
) -> str:
    """Start the MLflow run of a version; `data` is a table and its version."""
    client, (table, version), (params, tags) = studio.registry(), data, facts
    experiment = open_experiment(client, studio.settings(), recipe.name)
    run_id = start_run(client, experiment, name, params, {"data.version": version} | tags)
    log_dataset(client, run_id, recipe.dataset, table, studio.data().source(), version)
    return run_id


def _trained_model(recipe: Recipe[Any], plan: TrainingPlan[Any]) -> dg.AssetsDefinition:
    def trained_model(
        context: dg.AssetExecutionContext,
        studio: Studio,
        config: Any,  # noqa: ANN401 - the recipe's own settings, see below
        data_table: pd.DataFrame,
        data_splits: str,
    ) -> dg.MaterializeResult[TrainingRun]:
        """A network trained on the training rows; one that was interrupted is gone on with."""
        from dagster_project.models.provenance import provenance_of
        from dagster_project.models.rows import learning_rows
        from training.loop.fit import fit
        from training.loop.tracking import curves_logger

        settings = type(plan.config)(**config.model_dump())
        dataset = open_recipe_dataset(recipe, studio)
        provenance = provenance_of(recipe, dataset, data_splits)
        rows = learning_rows(data_table, dataset, settings.photos_per_label)
        tags = {
            "dagster.run_id": context.run.run_id,
            "mlflow.source.git.commit": provenance.git_commit,
        }
        name = f"{settings.architecture} on {data_splits}"
        facts = settings.model_dump(), tags
        run_id = _open_run(recipe, studio, name, (data_table, data_splits), facts)
        folder = studio.folder("training", f"{recipe.key}-{data_splits}-{settings.digest()}")
        with track_machine(run_id):
            logger = curves_logger(tracking_uri(studio.settings()), run_id)
            trained = fit(plan.steps(), rows, settings, folder, logger)
        shutil.rmtree(folder, ignore_errors=True)
        return dg.MaterializeResult(
            value=TrainingRun(run_id, trained, settings, provenance),
            metadata={
                "rows": len(rows.train),
                "validation rows": len(rows.validation),
                "MLflow run": show.link(studio.page_of_run(run_id)),
            },
        )

    trained_model.__annotations__["config"] = type(launchpad(plan.config))
    ins = table_of(recipe) | {"data_splits": dg.AssetIn(key_prefix=recipe.key)}
    made: dg.AssetsDefinition = dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"pytorch", "mlflow"},
        pool="training",
        ins=ins,
    )(trained_model)
    return made


def _exported_models(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"onnx"},
        ins=table_of(recipe) | {"trained_model": dg.AssetIn(key_prefix=recipe.key)},
    )
    def exported_models(
        studio: Studio, data_table: pd.DataFrame, trained_model: TrainingRun
    ) -> dg.MaterializeResult[Exported]:
        """The network as ONNX in fp32 and int8, both calibrated on the validation rows."""
        from dagster_project.models.rows import learning_rows
        from training.loop.candidates import choose, make_candidates

        run = trained_model
        check_data(data_table, run.provenance.data_version)
        dataset, per_label = open_recipe_dataset(recipe, studio), run.config.photos_per_label
        rows = learning_rows(data_table, dataset, per_label)
        candidates, parity = make_candidates(recipe, run.trained, rows, run.config, run.provenance)
        chosen = choose(candidates, recipe.headline)
        return _as_result(recipe, Exported(run.run_id, candidates, chosen, parity, per_label))

    return exported_models


class Adoption(dg.Config):
    """How much weights from outside are looked at."""

    photos_per_label: int | None = Field(
        default=None, gt=0, description="at most so many rows of each split, source and label"
    )


def _adopted_models(recipe: Recipe[Any], weights: OutsideWeights) -> dg.AssetsDefinition:
    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"onnx", "mlflow"},
        ins=table_of(recipe) | {"data_splits": dg.AssetIn(key_prefix=recipe.key)},
    )
    def exported_models(
        context: dg.AssetExecutionContext,
        studio: Studio,
        config: Adoption,
        data_table: pd.DataFrame,
        data_splits: str,
    ) -> dg.MaterializeResult[Exported]:
        """Weights that were trained elsewhere, known by their SHA-256, with a card of ours."""
        from dagster_project.models.provenance import provenance_of
        from dagster_project.models.rows import learning_rows
        from training.loop.candidates import adopt

        dataset = open_recipe_dataset(recipe, studio)
        provenance = provenance_of(recipe, dataset, data_splits)
        per_label = config.photos_per_label
        rows = learning_rows(data_table, dataset, per_label)
        candidates = adopt(recipe, weights, rows, provenance)
        params = {"location": weights.location, "sha256": weights.sha256}
        tags = {
            "dagster.run_id": context.run.run_id,
            "mlflow.source.git.commit": provenance.git_commit,
        }
        name, data = f"{weights.architecture} on {data_splits}", (data_table, data_splits)
        run_id = _open_run(recipe, studio, name, data, (dict(params), tags))
        return _as_result(recipe, Exported(run_id, candidates, "fp32", None, per_label))

    return exported_models


def _as_result(recipe: Recipe[Any], exported: Exported) -> dg.MaterializeResult[Exported]:
    metadata: dict[str, dg.RawMetadataValue] = {"chosen": exported.chosen}
    if exported.parity is not None:
        metadata["parity with torch"] = exported.parity
    for precision, candidate in exported.candidates.items():
        metadata[f"validation {recipe.headline.name}, {precision}"] = candidate.validation
        metadata[f"megabytes, {precision}"] = len(candidate.model) / 1e6
    return dg.MaterializeResult(value=exported, metadata=metadata)


def check_data(table: pd.DataFrame, trained_on: str) -> None:
    """Refuse rows other than those that the network was trained on."""
    from training.data.splits import split_digest

    found = split_digest(table)
    if found != trained_on:
        raise dg.Failure(
            f"the data is version {found} now, the network was trained on {trained_on}; "
            "materialize trained_model again, or the whole job `retrain`",
            allow_retries=False,
        )
