"""From photos to a judged version in the registry: train, export, evaluate, register."""

import shutil
from pathlib import Path

import dagster as dg
import pandas as pd
from pydantic import Field

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms import show
from dagster_project.defs.rooms.data import GROUP
from dagster_project.defs.rooms.values import Evaluated, Exported, Registered, TrainingRun
from registry.client import open_experiment, tracking_uri
from registry.gates import STANDARD, judge_by
from registry.runs import end_run, log_dataset, log_pictures, log_text, start_run, track_machine
from registry.versions import log_figures, register, tag_verdict
from serving.card import Classes
from serving.models.rooms import TASK
from training.data.dataset import open_dataset
from training.room_classifier.config import TrainingConfig


class Recipe(TrainingConfig, dg.Config):
    """The training's settings, as the launchpad shows them; what is made later reads them here."""


@dg.asset(group_name=GROUP, kinds={"pytorch", "mlflow"}, pool="training")
def trained_classifier(
    context: dg.AssetExecutionContext,
    studio: Studio,
    config: Recipe,
    photo_table: pd.DataFrame,
    photo_splits: str,
) -> dg.MaterializeResult[TrainingRun]:
    """A network fine-tuned on the training photos; one that was interrupted is gone on with."""
    from dagster_project.models.photos import learning_photos
    from dagster_project.models.provenance import provenance_of
    from training.loop.fit import fit
    from training.loop.tracking import curves_logger

    dataset = open_dataset(studio.data().dataset_folder())
    recipe = TrainingConfig(**config.model_dump())
    provenance = provenance_of(dataset, photo_splits)
    train, validation = learning_photos(photo_table, dataset, recipe.photos_per_label)
    client, settings = studio.registry(), studio.settings()
    run_id = start_run(
        client,
        open_experiment(client, settings),
        f"{recipe.backbone} on {photo_splits}",
        recipe.model_dump(),
        {
            "data.version": photo_splits,
            "dagster.run_id": context.run.run_id,
            "mlflow.source.git.commit": provenance.git_commit,
        },
    )
    log_dataset(client, run_id, photo_table, studio.data().source(), photo_splits)
    folder = studio.folder("training", f"{photo_splits}-{recipe.digest()}")
    with track_machine(run_id):
        logger = curves_logger(tracking_uri(settings), run_id)
        trained = fit(train, validation, len(provenance.labels), recipe, folder, logger)
    shutil.rmtree(folder)
    return dg.MaterializeResult(
        value=TrainingRun(run_id, trained, recipe, provenance),
        metadata={
            "photos": len(train),
            "validation photos": len(validation),
            "MLflow run": show.link(studio.page_of_run(run_id)),
        },
    )


@dg.asset(group_name=GROUP, kinds={"onnx"})
def exported_models(
    studio: Studio, photo_table: pd.DataFrame, trained_classifier: TrainingRun
) -> dg.MaterializeResult[Exported]:
    """The network as ONNX in fp32 and int8, both calibrated on the validation photos."""
    from dagster_project.models.photos import learning_photos
    from training.loop.candidates import choose, make_candidates

    run = trained_classifier
    _check_data(photo_table, run.provenance.data_version)
    dataset = open_dataset(studio.data().dataset_folder())
    photos = learning_photos(photo_table, dataset, run.config.photos_per_label)
    candidates, parity = make_candidates(run.trained, *photos, run.config, run.provenance)
    chosen = choose(candidates)
    metadata: dict[str, dg.RawMetadataValue] = {"chosen": chosen, "parity with torch": parity}
    for precision, candidate in candidates.items():
        metadata[f"validation top-1, {precision}"] = candidate.validation_top1
        metadata[f"megabytes, {precision}"] = len(candidate.model) / 1e6
    return dg.MaterializeResult(
        value=Exported(run.run_id, run.config, candidates, chosen, parity), metadata=metadata
    )


@dg.asset(group_name=GROUP, kinds={"onnx", "mlflow"})
def evaluation(
    studio: Studio, photo_table: pd.DataFrame, exported_models: Exported
) -> dg.MaterializeResult[Evaluated]:
    """What the chosen model is worth on the frozen test set, beside what answers now."""
    from dagster_project.models.photos import limit_rows, to_photos
    from dagster_project.models.provenance import read_served
    from dagster_project.models.validated import is_validated
    from training.loop.report import report

    chosen = exported_models.candidates[exported_models.chosen]
    _check_data(photo_table, chosen.card.data_version)
    dataset, storage = open_dataset(studio.data().dataset_folder()), studio.storage()
    test = photo_table[photo_table["split"] == "test"]
    rows = limit_rows(test, exported_models.config.photos_per_label)
    found = report(
        exported_models.candidates,
        exported_models.chosen,
        to_photos(rows, chosen.card.output_as(Classes).labels),
        rows,
        read_served(studio.engine(), storage),
    )
    figures = found.figures | {
        "data/validated": float(is_validated(storage, dataset, photo_table)),
        "onnx/parity": exported_models.parity,
        "test/frozen_share": dataset.frozen.share(rows),
    }
    client, run_id = studio.registry(), exported_models.run_id
    log_figures(client, run_id, figures)
    log_pictures(client, run_id, found.pictures)
    log_text(client, run_id, "mistakes.csv", found.mistakes.to_csv(index=False))
    return dg.MaterializeResult(
        value=Evaluated(run_id, chosen.with_metrics(found.short()), figures, dataset.frozen.digest),
        metadata={
            "MLflow run": show.link(studio.page_of_run(run_id)),
            **show.plots(figures),
            "figures": show.figures(figures),
            **{name: show.picture(png) for name, png in found.pictures.items()},
            "worst mistakes by name": show.table(found.mistakes.head(24), index=False),
        },
    )


@dg.asset(group_name=GROUP, kinds={"mlflow"})
def registered_version(studio: Studio, evaluation: Evaluated) -> dg.MaterializeResult[Registered]:
    """A new version of the room classifier, with its card and report."""
    client, card = studio.registry(), evaluation.candidate.card
    version = register(
        client, evaluation.run_id, evaluation.candidate.model, card, evaluation.test_set
    )
    end_run(client, evaluation.run_id)
    return dg.MaterializeResult(
        value=Registered(TASK, version, card.licence, evaluation.figures),
        metadata={
            "version": version,
            "MLflow version": show.link(studio.page_of_version(TASK, version)),
            "card": dg.MetadataValue.json(card.model_dump(mode="json")),
        },
    )


class Gates(dg.Config):
    """By which limits a version is judged."""

    file: str = Field(
        default=str(STANDARD),
        description="the limits, as YAML; what other gates than registry/gates.yaml let through is "
        "not published, unless an operator named their SHA-256 in ALLOW_GATES",
    )


@dg.asset_check(asset=registered_version, blocking=True)
def gates(studio: Studio, config: Gates, registered_version: Registered) -> dg.AssetCheckResult:
    """May this version serve? The verdict, its reasons and its gates become tags of the version."""
    verdict = judge_by(registered_version.figures, Path(config.file))
    client, task = studio.registry(), registered_version.task
    tag_verdict(client, task, registered_version.version, verdict)
    refusal = studio.settings().licences().refusal(registered_version.licence)
    reasons = [*verdict.reasons, *([refusal] if refusal else [])]
    return dg.AssetCheckResult(
        passed=not reasons,
        severity=dg.AssetCheckSeverity.ERROR,
        description="\n".join(reasons) or "every gate is open",
        metadata={
            "reasons": dg.MetadataValue.json(reasons),
            "gates": dg.MetadataValue.path(config.file),
            "SHA-256 of the gates": verdict.gates_digest,
        },
    )


def _check_data(table: pd.DataFrame, trained_on: str) -> None:
    """Refuse photos other than those that the network was trained on."""
    from training.data.splits import split_digest

    found = split_digest(table)
    if found != trained_on:
        raise dg.Failure(
            f"the photos are version {found} now, the network was trained on {trained_on}; "
            "materialize trained_classifier again, or the whole job `retrain`",
            allow_retries=False,
        )
