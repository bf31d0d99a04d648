"""From photos to a judged version in the registry: train, export, evaluate, register."""

import shutil
from pathlib import Path

import dagster as dg
import pandas as pd

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms import show
from dagster_project.defs.rooms.data import GROUP
from dagster_project.defs.rooms.values import Evaluated, Exported, Registered, TrainingRun
from registry.client import open_experiment, tracking_uri
from registry.gates import STANDARD, both, judge, judge_licence, read_gates
from registry.runs import end_run, log_pictures, page_of, start_run, track_machine
from registry.versions import log_figures, read_champion, register, tag_verdict
from serving.models.rooms import TASK
from training.config import TrainingConfig
from training.data.room import open_room


class Recipe(TrainingConfig, dg.Config):
    """The training's settings, as the launchpad shows them."""


@dg.asset(group_name=GROUP, kinds={"pytorch", "mlflow"}, pool="training")
def trained_classifier(
    studio: Studio, config: Recipe, photo_table: pd.DataFrame, photo_splits: str
) -> dg.MaterializeResult[TrainingRun]:
    """A network fine-tuned on the training photos; one that was interrupted is gone on with."""
    from dagster_project.rooms.photos import learning_photos
    from dagster_project.rooms.provenance import git_commit
    from training.fit import fit
    from training.tracking import curves_logger

    room = open_room(studio.data().room_folder())
    train, validation = learning_photos(photo_table, room, config.photos_per_label)
    client, settings = studio.registry(), studio.settings()
    run_id = start_run(
        client,
        open_experiment(client, settings),
        f"{config.backbone} on {photo_splits}",
        config.model_dump(),
        {"data.version": photo_splits, "mlflow.source.git.commit": git_commit()},
    )
    folder = studio.folder("training", f"{photo_splits}-{config.digest()}")
    with track_machine(run_id):
        logger = curves_logger(tracking_uri(settings), run_id)
        trained = fit(train, validation, len(room.taxonomy.labels), config, folder, logger)
    shutil.rmtree(folder)
    return dg.MaterializeResult(
        value=TrainingRun(run_id, trained),
        metadata={
            "photos": len(train),
            "validation photos": len(validation),
            "MLflow run": page_of(client, run_id),
        },
    )


@dg.asset(group_name=GROUP, kinds={"onnx"})
def exported_models(
    studio: Studio,
    config: Recipe,
    photo_table: pd.DataFrame,
    photo_splits: str,
    trained_classifier: TrainingRun,
) -> dg.MaterializeResult[Exported]:
    """The network as ONNX in fp32 and int8, both calibrated on the validation photos."""
    from dagster_project.rooms.photos import learning_photos
    from dagster_project.rooms.provenance import provenance_of
    from training.candidates import choose, make_candidates

    room = open_room(studio.data().room_folder())
    photos = learning_photos(photo_table, room, config.photos_per_label)
    provenance = provenance_of(room, photo_splits)
    trained = trained_classifier.trained
    candidates, parity = make_candidates(trained, *photos, config, provenance)
    chosen = choose(candidates)
    metadata: dict[str, dg.RawMetadataValue] = {"chosen": chosen, "parity with torch": parity}
    for precision, candidate in candidates.items():
        metadata[f"validation top-1, {precision}"] = candidate.validation_top1
        metadata[f"megabytes, {precision}"] = len(candidate.model) / 1e6
    return dg.MaterializeResult(
        value=Exported(trained_classifier.run_id, candidates, chosen, parity), metadata=metadata
    )


@dg.asset(group_name=GROUP, kinds={"onnx", "mlflow"})
def evaluation(
    studio: Studio, config: Recipe, photo_table: pd.DataFrame, exported_models: Exported
) -> dg.MaterializeResult[Evaluated]:
    """What the chosen model is worth on the frozen test set, beside the champion."""
    from dagster_project.rooms.photos import limit_rows, to_photos
    from dagster_project.rooms.provenance import read_candidate
    from training.report import report

    room = open_room(studio.data().room_folder())
    rows = limit_rows(photo_table[photo_table["split"] == "test"], config.photos_per_label)
    client, chosen = studio.registry(), exported_models.chosen
    found = report(
        exported_models.candidates,
        chosen,
        to_photos(rows, room.taxonomy.labels),
        rows,
        read_candidate(read_champion(client, TASK)),
    )
    figures = found.figures | {"data/validated": 1.0, "onnx/parity": exported_models.parity}
    log_figures(client, exported_models.run_id, figures)
    log_pictures(client, exported_models.run_id, found.pictures)
    candidate = exported_models.candidates[chosen].with_metrics(found.short())
    return dg.MaterializeResult(
        value=Evaluated(exported_models.run_id, candidate, figures),
        metadata={
            "figures": show.figures(figures),
            **{name: show.picture(png) for name, png in found.pictures.items()},
        },
    )


@dg.asset(group_name=GROUP, kinds={"mlflow"})
def registered_version(studio: Studio, evaluation: Evaluated) -> dg.MaterializeResult[Registered]:
    """A new version of the room classifier, with its card and report."""
    client, card = studio.registry(), evaluation.candidate.card
    version = register(client, evaluation.run_id, evaluation.candidate.model, card)
    end_run(client, evaluation.run_id)
    return dg.MaterializeResult(
        value=Registered(TASK, version, card.licence, evaluation.figures),
        metadata={"version": version, "card": dg.MetadataValue.json(card.model_dump(mode="json"))},
    )


class Gates(dg.Config):
    """By which limits a version is judged."""

    file: str = str(STANDARD)


@dg.asset_check(asset=registered_version, blocking=True)
def gates(studio: Studio, config: Gates, registered_version: Registered) -> dg.AssetCheckResult:
    """May this version serve? The verdict and its reasons become tags of the version."""
    settings = studio.settings()
    production = settings.environment == "production"
    verdict = both(
        judge(registered_version.figures, read_gates(Path(config.file))),
        judge_licence(registered_version.licence, production, settings.allow_licences),
    )
    client, task = studio.registry(), registered_version.task
    tag_verdict(client, task, registered_version.version, verdict)
    return dg.AssetCheckResult(
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="\n".join(verdict.reasons) or "every gate is open",
        metadata={"reasons": dg.MetadataValue.json(list(verdict.reasons))},
    )
