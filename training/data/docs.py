"""The pages people look at: Great Expectations' Data Docs, made to open without a network.

Its own pages take their style, icons and even the table on the first page from a CDN: offline the
first page is empty, online every look at it calls home. So ours stands first, with the verdict,
counts and pictures, and links to Great Expectations' pages, which get a small style of their own.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader

from training.data.dataset_files import DatasetFiles
from training.data.gallery import pick_galleries
from training.data.splits import SPLITS, split_digest
from training.data.summaries import sum_folders, sum_labels

_REMOTE = re.compile(r'<(?:link|img|script)[^>]*(?:href|src)="https?:[^>]*>(?:</script>)?')


@dataclass(frozen=True)
class Verdict:
    """What the first page says at its top."""

    success: bool
    failures: Sequence[str]
    warnings: Sequence[str]


def clear_docs(docs: Path) -> None:
    """Remove the pages of an earlier run; whatever else lies in the folder stays."""
    for name in ("validations", "expectations", "static"):
        shutil.rmtree(docs / name, ignore_errors=True)


def write_index(table: pd.DataFrame, dataset: DatasetFiles, verdict: Verdict, docs: Path) -> Path:
    """Write the first page over Great Expectations' own and style the others for offline.

    Parameters
    ----------
    table : as `build_table` returns it; with splits, if they are to be shown
    dataset : labels and expected counts
    verdict : what validation found
    docs : the folder that Data Docs were built in
    """
    pages = Environment(loader=PackageLoader("training.data", "."), autoescape=True)
    style = pages.get_template("style.css.j2").render()
    for page in docs.rglob("*.html"):
        _make_offline(page, style, home="../" * (len(page.relative_to(docs).parts) - 1))
    html = pages.get_template("index.html.j2").render(
        dataset=dataset.folder.name,
        verdict=verdict,
        photos=len(table),
        usable=int(table["quarantine"].isna().sum()),
        version=split_digest(table) if "split" in table else None,
        labels=_count_splits(table, sum_labels(table, dataset.taxonomy.names), ["label"]),
        folders=_count_splits(
            table,
            sum_folders(table, dataset.expectations.sources.counts.photos),
            ["source", "label"],
        ),
        splits=[split for split in SPLITS if "split" in table],
        galleries=list(pick_galleries(table, dataset.taxonomy.names)),
        links=list(_find_pages(docs)),
    )
    index = docs / "index.html"
    index.write_text(html, "utf-8")
    return index


def _make_offline(page: Path, style: str, home: str) -> None:
    html = _REMOTE.sub("", page.read_text("utf-8"))
    html = html.replace("</head>", f"<style>{style}</style></head>", 1)
    back = f'<p><a href="{home}index.html">← verdict, counts and pictures</a></p>'
    page.write_text(
        re.sub(r"<body[^>]*>", lambda body: body.group() + back, html, count=1), "utf-8"
    )


def _find_pages(docs: Path) -> Iterator[tuple[str, str]]:
    for page in sorted(docs.glob("validations/*/*/*/*.html")):
        yield page.relative_to(docs).parts[1], page.relative_to(docs).as_posix()


def _count_splits(table: pd.DataFrame, sums: pd.DataFrame, keys: list[str]) -> list[Any]:
    """Turn a summary into rows for the page, with the number of photos in each split."""
    if "split" in table:
        counts = pd.crosstab([table[key] for key in keys], table["split"])
        counts = counts.reindex(columns=list(SPLITS), fill_value=0).reset_index()
        sums = sums.merge(counts, how="left", on=keys)
    return sums.to_dict("records")
