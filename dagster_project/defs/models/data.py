"""From raw data to who trains, validates and tests: the first assets of every model."""

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from dagster_project.models import show
from dagster_project.models.files import keep_newest
from dagster_project.studio import Studio
from registry.client import open_experiment
from registry.runs import end_run, log_dataset, log_folder, start_run
from training.data.dataset import save_table
from training.data.splits import count_splits, split_digest, write_splits
from training.data.summaries import name_photo
from training.recipe import Dataset, Recipe


def data_assets(recipe: Recipe[Any]) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """Return the assets that list, describe, validate and split a recipe's dataset."""
    raw, table = _raw_data(recipe), _data_table(recipe)
    return [raw, table, _data_splits(recipe), _expectations(recipe, table)]


def open_recipe_dataset(recipe: Recipe[Any], studio: Studio) -> Dataset:
    """Return the recipe's dataset, from the folder that the settings name."""
    return recipe.open(studio.data().dataset_folder(recipe.dataset))


def table_of(recipe: Recipe[Any]) -> dict[str, dg.AssetIn]:
    """Return how an asset is given the table of the recipe's dataset."""
    return {"data_table": dg.AssetIn(key_prefix=recipe.key)}


def _raw_data(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(key_prefix=recipe.key, group_name=recipe.key, kinds={"python"})
    def raw_data(studio: Studio) -> dg.MaterializeResult[None]:
        """Everything that the dataset's sources hold now: folders, CSV files, S3 prefixes."""
        studio.engine()  # what comes later needs it: said now, not after minutes of describing
        counts = open_recipe_dataset(recipe, studio).count(studio.data().studio_data)
        total = int(counts.iloc[:, -1].sum())
        return dg.MaterializeResult(
            metadata={"rows": total, "by source and label": show.table(counts, index=False)}
        )

    return raw_data


def _data_table(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key_prefix=recipe.key,
        group_name=recipe.key,
        kinds={"pandas"},
        deps=[dg.AssetKey([recipe.key, "raw_data"])],
    )
    def data_table(studio: Studio) -> dg.MaterializeResult[pd.DataFrame]:
        """One row per example: what it is, how it looks, which others show the same, its split."""
        folder = studio.folder("data", recipe.dataset)
        table = open_recipe_dataset(recipe, studio).build(studio.data().studio_data, folder)
        save_table(table, folder)
        metadata: dict[str, Any] = {"rows": len(table), "columns": ", ".join(table.columns)}
        counted = {"in quarantine": "quarantine", "unreadable": "error"}
        metadata |= {
            name: int(table[column].notna().sum())
            for name, column in counted.items()
            if column in table
        }
        return dg.MaterializeResult(value=table, metadata=metadata)

    return data_table


def _expectations(recipe: Recipe[Any], table: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table, blocking=True)
    def expectations(
        context: dg.AssetCheckExecutionContext, studio: Studio, data_table: pd.DataFrame
    ) -> dg.AssetCheckResult:
        """The verdict on the data; training stops when it is bad, and the page says why."""
        from dagster_project.models.validated import remember

        dataset = open_recipe_dataset(recipe, studio)
        docs = studio.folder("data", recipe.dataset, "docs", context.run.run_id)
        verdict = dataset.validate(data_table, docs)
        remember(studio.storage(), dataset, data_table, verdict.success)
        keep_newest(docs.parent)
        said, metadata = _quarantined(data_table)
        page = _publish_docs(recipe, studio, docs, data_table, verdict.success)
        return dg.AssetCheckResult(
            passed=verdict.success,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join([*verdict.failures, *verdict.warnings, *said]),
            metadata={
                "Data Docs": show.link(page),
                "the same as files": dg.MetadataValue.path(str(verdict.docs)),
                "failures": dg.MetadataValue.json(list(verdict.failures)),
                "warnings": dg.MetadataValue.json(list(verdict.warnings)),
                **metadata,
            },
        )

    return expectations


def _quarantined(table: pd.DataFrame) -> tuple[list[str], dict[str, Any]]:
    """Return what is said of the rows in quarantine, and how they are shown."""
    if "quarantine" not in table:
        return [], {}
    rows = table[table["quarantine"].notna()]
    said = f"{len(rows):,} rows are in quarantine: neither trained nor judged on"
    shown = show.table(show_quarantine(rows), index=False)
    return [said], {"in quarantine": len(rows), "quarantined rows": shown}


def _publish_docs(
    recipe: Recipe[Any], studio: Studio, docs: Path, table: pd.DataFrame, success: bool
) -> str:
    """Keep the pages in an MLflow run of their own; return their address."""
    client, version = studio.registry(), split_digest(table)
    experiment = open_experiment(client, studio.settings(), f"{recipe.name} data")
    tags = {"data.version": version, "data.validated": str(success).lower()}
    run_id = start_run(client, experiment, f"{recipe.dataset} {version}", {}, tags)
    log_folder(client, run_id, docs, "data_docs")
    log_dataset(client, run_id, recipe.dataset, table, studio.data().source(), version)
    end_run(client, run_id)
    return studio.page_of_run(run_id, "data_docs/index.html")


def show_quarantine(rows: pd.DataFrame, most: int = 200) -> pd.DataFrame:
    """Return name, label and reason of each row in quarantine."""
    shown = rows.head(most)
    return pd.DataFrame(
        {
            "name": [name_photo(uri) for uri in shown["uri"]],
            "label": shown["label"].to_numpy(),
            "reason": shown["quarantine"].to_numpy(),
        }
    )


def _data_splits(recipe: Recipe[Any]) -> dg.AssetsDefinition:
    @dg.asset(key_prefix=recipe.key, group_name=recipe.key, kinds={"pandas"}, ins=table_of(recipe))
    def data_splits(studio: Studio, data_table: pd.DataFrame) -> dg.MaterializeResult[str]:
        """The split, written down; its digest is the data's version."""
        digest = split_digest(data_table)
        file = studio.folder("data", recipe.dataset) / f"splits-{digest}.csv"
        write_splits(data_table, file)
        return dg.MaterializeResult(
            value=digest,
            metadata={
                "data version": digest,
                "file": dg.MetadataValue.path(str(file)),
                "rows": show.table(count_splits(data_table)),
            },
        )

    return data_splits
