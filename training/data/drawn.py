"""A dataset of which nothing is collected: all is drawn from seeds, with what is true of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from serving.card import Label
from serving.errors import BadInput
from training.data.dataset_files import Described
from training.data.expectations import Count, FrozenRules, Range, Share
from training.data.frozen import FrozenTest

FROZEN_COLUMNS = ("sha256", "label", "source", "listing")
Complaint = tuple[str, str]
"""Severity, and a sentence."""


@dataclass(frozen=True)
class Judged:
    """The verdict on a table of drawn examples; `training.recipe.Verdict`."""

    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    docs: Path

    @property
    def success(self) -> bool:
        """Whether the model may be judged on it."""
        return not self.failures


class DrawnDataset(Described):
    """What `training.recipe.Dataset` asks for and is the same of everything that is drawn.

    A dataset adds `count`, `build`, `rules` and `complaints`.
    """

    frozen: FrozenTest
    unit: str = "examples"

    @property
    def labels(self) -> tuple[Label, ...]:
        """None: kinds of what is drawn are no classes of an answer."""
        return ()

    def complaints(self, table: pd.DataFrame) -> Iterator[Complaint]:
        """Yield each expectation of a table that is not met."""
        raise NotImplementedError

    def validate(self, table: pd.DataFrame, docs: Path) -> Judged:
        """Judge a table by the expectations, and write the page that shows how."""
        found = list(self.complaints(table))
        failures = tuple(text for severity, text in found if severity == "critical")
        warnings = tuple(text for severity, text in found if severity == "warning")
        docs.mkdir(parents=True, exist_ok=True)
        page = docs / "index.html"
        page.write_text(self._to_page(table, (*failures, *warnings)), "utf-8")
        return Judged(failures, warnings, page)

    def training_rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of train and validation; refuse any of the frozen test set.

        Raises
        ------
        BadInput
            If nothing was frozen yet, or an example is in both.
        """
        if not len(self.frozen):
            raise BadInput(f"no test set is frozen in '{self.folder}'; its README.md says how")
        rows = table[table["split"].isin(("train", "validation"))]
        frozen = self.frozen.photos
        leaks = rows["sha256"].isin(frozen["sha256"]) | rows["listing"].isin(frozen["listing"])
        if leaks.any():
            raise BadInput(
                f"{leaks.sum()} {self.unit} of train and validation are of the frozen test set, "
                f"'{rows['uri'][leaks].min()}' among them; mend '{self.folder}/manifest.yaml'"
            )
        return rows.copy()

    def frozen_share(self, rows: pd.DataFrame) -> float:
        """Return which share of the frozen test set the rows hold, 0..1."""
        return self.frozen.share(rows)

    def too_few(self, table: pd.DataFrame, rule: Count) -> Iterator[Complaint]:
        """Complain of a table with fewer rows than there must be."""
        if len(table) < rule.at_least:
            said = f"{len(table)} {self.unit} are drawn; there must be at least {rule.at_least}"
            yield rule.severity, said

    def copies(self, table: pd.DataFrame, rule: Share) -> Iterator[Complaint]:
        """Complain of examples that are the same as another."""
        same = table["sha256"].duplicated()
        if len(table) and 1 - same.mean() < rule.share:
            named = ", ".join(table["listing"][same].head(5))
            yield rule.severity, f"{same.sum()} {self.unit} are copies: {named}"

    def out_of_range(self, rows: pd.DataFrame, column: str, rule: Range) -> Iterator[Complaint]:
        """Complain of values outside their bounds."""
        low = rule.low if rule.low is not None else float("-inf")
        high = rule.high if rule.high is not None else float("inf")
        outside = ~rows[column].between(low, high)
        if len(rows) and 1 - outside.mean() < rule.share:
            named = ", ".join(
                f"{name} ({value:.3g})"
                for name, value in rows.loc[outside, ["listing", column]].head(5).to_numpy()
            )
            said = f"{outside.sum()} of {len(rows)} {self.unit} have {column} outside"
            yield rule.severity, f"{said} {low:g} to {high:g}. First: {named}"

    def missing_frozen(self, table: pd.DataFrame, rules: FrozenRules) -> Iterator[Complaint]:
        """Complain of frozen examples that are drawn otherwise now, or not at all."""
        share = self.frozen_share(table[table["split"] == "test"])
        if len(self.frozen) and share < rules.present.share:
            said = f"{share:.1%} of the frozen test set is drawn; {rules.present.share:.0%}"
            yield rules.present.severity, f"{said} is needed: {rules.present.why}"

    def _to_page(self, table: pd.DataFrame, complaints: tuple[str, ...]) -> str:
        said = "".join(f"<li>{escape(one)}</li>" for one in complaints)
        shown = table.drop(columns=["uri", "split_note"]).to_html(
            index=False, float_format="{:.1f}".format
        )
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>'
            f"{escape(self.name)}</title><h1>{escape(self.name)}: {len(table)} {self.unit}</h1>"
            f"<p>{'Not as expected:' if said else 'All is as expected.'}</p><ul>{said}</ul>{shown}"
        )
