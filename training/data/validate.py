"""May this data be trained on? Great Expectations judges; this says it in sentences and pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.checkpoint.actions import UpdateDataDocsAction
from great_expectations.checkpoint.checkpoint import Checkpoint, CheckpointResult
from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from training.data.dataset_files import DatasetFiles
from training.data.docs import Verdict, clear_docs, write_index
from training.data.suites import (
    expect_classes,
    expect_folders,
    expect_frozen,
    expect_photos,
)
from training.data.summaries import find_frozen, name_photo, sum_folders, sum_labels

_SITE = "docs"
_SHOWN = 5  # names in a sentence
_DETAIL_LENGTH = 72  # characters said of each
_RESULTS: Mapping[str, Any] = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": 20,
}


@dataclass(frozen=True)
class Validation:
    """The verdict on a table of photos.

    Attributes
    ----------
    success : whether training may go on
    failures : what is wrong, how many and which first; a sentence each
    warnings : what is worth knowing and stops nothing; a sentence each
    docs : the first page of the Data Docs
    """

    success: bool
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    docs: Path


@dataclass(frozen=True)
class Judged:
    """One table and what is expected of its rows, `unit` being what a row stands for."""

    unit: str
    rows: pd.DataFrame
    expectations: list[Expectation]


def validate_table(table: pd.DataFrame, dataset: DatasetFiles, docs: Path) -> Validation:
    """Judge the photos by the dataset's expectations and build the pages that show how.

    A failure reads like `1,482 of 7,412 photos (20.0%): cannot be decoded; at most 1.0% allowed.
    First: houses/kitchen/001.jpg (the JPEG is damaged or cut short …), …`.

    Parameters
    ----------
    table : as `build_table` returns it
    dataset : labels, thresholds and the frozen test set
    docs : folder for the pages; made when missing, those of an earlier run are replaced
    """
    clear_docs(docs)
    context = _open_context(docs)
    sentences: dict[str, list[str]] = {"critical": [], "warning": []}
    for part in _judge_what(table, dataset):
        result = _make_checkpoint(context, part).run(batch_parameters={"dataframe": part.rows})
        for failed in _find_failed(result):
            severity = failed["expectation_config"]["severity"]
            sentences[severity].append(_to_sentence(failed, part))
    failures, worth_knowing = tuple(sentences["critical"]), tuple(sentences["warning"])
    index = write_index(table, dataset, Verdict(not failures, failures, worth_knowing), docs)
    return Validation(not failures, failures, worth_knowing, index)


def _judge_what(table: pd.DataFrame, dataset: DatasetFiles) -> Iterator[Judged]:
    rules, labels = dataset.expectations, dataset.taxonomy.names
    photos = table.assign(name=table["uri"].map(name_photo))
    yield Judged("photos", photos, expect_photos(rules.photos, labels))
    yield Judged("classes", sum_labels(table, labels), expect_classes(rules.classes))
    folders = sum_folders(table, rules.sources.counts.photos)
    yield Judged("folders", folders, expect_folders(rules.sources))
    if len(dataset.frozen):
        frozen = find_frozen(table, dataset.frozen)
        yield Judged("frozen test photos", frozen, expect_frozen(rules.frozen_test))


def _open_context(docs: Path) -> AbstractDataContext:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.absolute())}
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "store_backend": store,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    return context


def _make_checkpoint(context: AbstractDataContext, part: Judged) -> Checkpoint:
    source = context.data_sources.add_pandas(part.unit)
    batch = source.add_dataframe_asset(part.unit).add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(part.unit, expectations=part.expectations))
    definition = gx.ValidationDefinition(name=part.unit, data=batch, suite=suite)
    checkpoint = Checkpoint(
        name=part.unit,
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[UpdateDataDocsAction(name=_SITE, site_names=[_SITE])],
        result_format=dict(_RESULTS),
    )
    return context.checkpoints.add(checkpoint)


def _find_failed(result: CheckpointResult) -> Iterator[Mapping[str, Any]]:
    for validation in result.run_results.values():
        yield from (one.to_json_dict() for one in validation.results if not one.success)


def _to_sentence(failed: Mapping[str, Any], part: Judged) -> str:
    result, config = failed["result"], failed["expectation_config"]
    kwargs, meta = config["kwargs"], config["meta"]
    if "unexpected_count" not in result:
        if "observed_value" in result:
            found, at_least = result["observed_value"], kwargs["min_value"]
            return f"{found:,} {part.unit} are listed; there must be at least {at_least:,}"
        return (
            f"the {part.unit} could not be judged by {config['type']}: {failed['exception_info']}"
        )
    count, total = result["unexpected_count"], result["element_count"]
    allowed = 1 - kwargs.get("mostly", 1)
    return (
        f"{count:,} of {total:,} {part.unit} ({count / total:.1%}): {meta['complaint']}; "
        f"{f'at most {allowed:.1%}' if allowed else 'none'} allowed. "
        f"{'First' if count > _SHOWN else 'Namely'}: "
        + ", ".join(_name_rows(result, part.rows, meta["detail"]))
    )


def _name_rows(result: Mapping[str, Any], rows: pd.DataFrame, detail: str) -> Iterator[str]:
    shown = result["partial_unexpected_index_list"][:_SHOWN]
    for index in shown:
        row = rows.loc[index].to_dict()
        said = shorten(detail.format(**row), _DETAIL_LENGTH, placeholder=" …")
        yield f"{row['name']} ({said})" if said else row["name"]
    if result["unexpected_count"] > len(shown):
        yield "…"
