"""From a candidate to a judged version in the registry: evaluate, register, hold against gates."""

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field

from dagster_project.defs.models.data import open_recipe_dataset, table_of
from dagster_project.defs.models.training import check_data
from dagster_project.models import show
from dagster_project.models.values import Evaluated, Exported, Registered
from dagster_project.studio import Studio
from registry.forecast import FORECAST_DIGEST, log_forecast
from registry.judge import judge_by, standard
from registry.runs import end_run, log_pictures, log_text
from registry.versions import log_figures, register, tag_verdict
from training.recipe import Recipe


class Gates(dg.Config):
    """By which limits a version is judged."""

    files: list[str] = Field(
        default=[],
        description="the limits as YAML files, the later over the earlier; none: the task's own of "
        "registry/gates. What others let through is not published, unless an operator named their "
        "SHA-256 in ALLOW_GATES",
    )


def judging_assets(recipe: Recipe[Any]) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Return the assets that evaluate and register a recipe's candidate, and its gates."""
    registered = _registered_version(recipe)
    return [_evaluation(recipe), registered, _gates(recipe, registered)]


def _evaluation(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"onnx", "mlflow"},
        ins=table_of(recipe) | {"exported_models": dg.AssetIn(key_prefix=recipe.key)},
    )
    def evaluation(
        studio: Studio, data_table: pd.DataFrame, exported_models: Exported
    ) -> dg.MaterializeResult[Evaluated]:
        """What the chosen model is worth on the frozen test set, beside what answers now."""
        from dagster_project.models.provenance import read_served
        from dagster_project.models.rows import limit_rows
        from dagster_project.models.validated import is_validated
        from training.loop.forecast import forecast
        from training.loop.report import report

        exported, run_id, client = exported_models, exported_models.run_id, studio.registry()
        chosen = exported.candidates[exported.chosen]
        check_data(data_table, chosen.card.data_version)
        dataset, storage = open_recipe_dataset(recipe, studio), studio.storage()
        rows = limit_rows(data_table[data_table["split"] == "test"], exported.per_label)
        served = read_served(studio.engine(), storage, recipe.name)
        found = report(recipe, exported.candidates, exported.chosen, rows, dataset, served)
        figures = found.figures | {
            "data/validated": float(is_validated(storage, dataset, data_table)),
            "test/frozen_share": dataset.frozen_share(rows),
        }
        if exported.parity is not None:
            figures["onnx/parity"] = exported.parity
        foreseen = forecast(recipe, chosen, served, rows) if served else None
        log_figures(client, run_id, figures, chosen.model)
        log_pictures(client, run_id, found.pictures)
        log_text(client, run_id, "mistakes.csv", found.mistakes.to_csv(index=False))
        digest = log_forecast(client, run_id, foreseen) if foreseen else ""
        candidate = chosen.with_metrics(found.short())
        return dg.MaterializeResult(
            value=Evaluated(run_id, candidate, figures, dataset.test_set, digest),
            metadata={
                "MLflow run": show.link(studio.page_of_run(run_id)),
                "SHA-256 of the model": chosen.sha256,
                **show.plots(figures),
                "figures": show.figures(figures),
                **{name: show.picture(png) for name, png in found.pictures.items()},
                "worst mistakes by name": show.table(found.mistakes.head(24), index=False),
                **({"how otherwise it answers": show.groups(foreseen)} if foreseen else {}),
            },
        )

    return evaluation


def _registered_version(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"mlflow"},
        ins={"evaluation": dg.AssetIn(key_prefix=recipe.key)},
    )
    def registered_version(
        studio: Studio, evaluation: Evaluated
    ) -> dg.MaterializeResult[Registered]:
        """A new version of the model: the bytes that were measured, with card and report."""
        client, candidate = studio.registry(), evaluation.candidate
        card, run_id = candidate.card, evaluation.run_id
        version = register(client, run_id, candidate.model, card, evaluation.test_set)
        if evaluation.forecast:
            client.set_model_version_tag(card.task, version, FORECAST_DIGEST, evaluation.forecast)
        end_run(client, run_id)
        return dg.MaterializeResult(
            value=Registered(recipe.name, version, card.licence, evaluation.figures),
            metadata={
                "version": version,
                "SHA-256 of the model": candidate.sha256,
                "MLflow version": show.link(studio.page_of_version(recipe.name, version)),
                "card": dg.MetadataValue.json(card.model_dump(mode="json")),
            },
        )

    return registered_version


def _gates(recipe: Recipe[Any], registered: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=registered, blocking=True)
    def gates(studio: Studio, config: Gates, registered_version: Registered) -> dg.AssetCheckResult:
        """May this version serve? Verdict, reasons and gates become tags of the version."""
        files = tuple(map(Path, config.files)) or standard(recipe.name)
        verdict = judge_by(registered_version.figures, files)
        client, version = studio.registry(), registered_version.version
        tag_verdict(client, recipe.name, version, verdict)
        refusal = studio.settings().licences().refusal(registered_version.licence)
        reasons = [*verdict.reasons, *([refusal] if refusal else [])]
        return dg.AssetCheckResult(
            passed=not reasons,
            severity=dg.AssetCheckSeverity.ERROR,
            description="\n".join(reasons) or "every gate is open",
            metadata={
                "reasons": dg.MetadataValue.json(reasons),
                "gates": verdict.gates_file,
                "SHA-256 of the gates": verdict.gates_digest,
            },
        )

    return gates
