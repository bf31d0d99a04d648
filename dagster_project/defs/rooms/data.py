"""From raw photos to who trains, validates and tests."""

from pathlib import Path

import dagster as dg
import pandas as pd

from dagster_project.defs.resources import Studio
from dagster_project.defs.rooms import show
from dagster_project.models.files import keep_newest
from registry.client import open_experiment
from registry.runs import end_run, log_dataset, log_folder, start_run
from training.data.dataset import build_table, open_dataset, save_table
from training.data.photos import list_photos
from training.data.splits import assign_splits, count_splits, split_digest, write_splits
from training.data.summaries import name_photo

GROUP = "rooms"


@dg.asset(group_name=GROUP, kinds={"python"})
def raw_photos(studio: Studio) -> dg.MaterializeResult[None]:
    """Every photo that the manifest's sources hold now: folders, CSV files, S3 prefixes."""
    studio.engine()  # what comes later needs it: said now, not after minutes of describing photos
    data = studio.data()
    photos = list_photos(open_dataset(data.dataset_folder()).manifest, data.studio_data)
    rows = pd.DataFrame([(photo.source, photo.label) for photo in photos])
    counts = rows.set_axis(["source", "label"], axis=1).value_counts().sort_index()
    return dg.MaterializeResult(
        metadata={"photos": len(photos), "by source and label": show.table(counts.to_frame())}
    )


@dg.asset(group_name=GROUP, kinds={"pandas", "opencv"}, deps=[raw_photos])
def photo_table(studio: Studio) -> dg.MaterializeResult[pd.DataFrame]:
    """One row per photo: what it is, how it looks, which others show the same, its split."""
    data, folder = studio.data(), studio.folder("data", "rooms")
    dataset = open_dataset(data.dataset_folder())
    table = build_table(dataset, data.studio_data, folder)
    table = assign_splits(table, dataset.manifest.splits, dataset.frozen)
    save_table(table, folder)
    return dg.MaterializeResult(
        value=table,
        metadata={
            "photos": len(table),
            "in quarantine": int(table["quarantine"].notna().sum()),
            "unreadable": int(table["error"].notna().sum()),
            "columns": ", ".join(table.columns),
        },
    )


@dg.asset_check(asset=photo_table, blocking=True)
def expectations(
    context: dg.AssetCheckExecutionContext, studio: Studio, photo_table: pd.DataFrame
) -> dg.AssetCheckResult:
    """Great Expectations' verdict; training stops when it is bad, and the page says why."""
    from dagster_project.models.validated import remember
    from training.data.validate import validate_table  # Great Expectations imports for seconds

    dataset = open_dataset(studio.data().dataset_folder())
    docs = studio.folder("data", "rooms", "docs", context.run.run_id)
    verdict = validate_table(photo_table, dataset, docs)
    remember(studio.storage(), dataset, photo_table, verdict.success)
    keep_newest(docs.parent)
    quarantined = photo_table[photo_table["quarantine"].notna()]
    said = [*verdict.failures, *verdict.warnings]
    said += [f"{len(quarantined):,} photos are in quarantine: neither trained nor judged on"]
    return dg.AssetCheckResult(
        passed=verdict.success,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(said),
        metadata={
            "Data Docs": show.link(_publish_docs(studio, docs, photo_table, verdict.success)),
            "the same as files": dg.MetadataValue.path(str(verdict.docs)),
            "failures": dg.MetadataValue.json(list(verdict.failures)),
            "warnings": dg.MetadataValue.json(list(verdict.warnings)),
            "in quarantine": len(quarantined),
            "quarantined photos": show.table(show_quarantine(quarantined), index=False),
        },
    )


def _publish_docs(studio: Studio, docs: Path, table: pd.DataFrame, success: bool) -> str:
    """Keep the pages in an MLflow run of their own; return their address."""
    client, version = studio.registry(), split_digest(table)
    experiment = open_experiment(client, studio.settings(), "room-photos")
    tags = {"data.version": version, "data.validated": str(success).lower()}
    run_id = start_run(client, experiment, f"photos {version}", {}, tags)
    log_folder(client, run_id, docs, "data_docs")
    log_dataset(client, run_id, table, studio.data().source(), version)
    end_run(client, run_id)
    return studio.page_of_run(run_id, "data_docs/index.html")


def show_quarantine(rows: pd.DataFrame, most: int = 200) -> pd.DataFrame:
    """Return name, label and reason of each photo in quarantine."""
    shown = rows.head(most)
    return pd.DataFrame(
        {
            "photo": [name_photo(uri) for uri in shown["uri"]],
            "label": shown["label"].to_numpy(),
            "reason": shown["quarantine"].to_numpy(),
        }
    )


@dg.asset(group_name=GROUP, kinds={"pandas"})
def photo_splits(studio: Studio, photo_table: pd.DataFrame) -> dg.MaterializeResult[str]:
    """The split, written down; its digest is the data's version."""
    digest = split_digest(photo_table)
    file = studio.folder("data", "rooms") / f"splits-{digest}.csv"
    write_splits(photo_table, file)
    return dg.MaterializeResult(
        value=digest,
        metadata={
            "data version": digest,
            "file": dg.MetadataValue.path(str(file)),
            "photos": show.table(count_splits(photo_table)),
        },
    )
