"""The dataset `music`: nothing is collected, everything is drawn from seeds with its true beats."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from serving.card import Label
from serving.errors import BadInput
from training.beat_tracker.manifest import MusicExpectations, MusicManifest
from training.beat_tracker.sounds import Drawing, describe, list_drawings
from training.data.dataset_files import Described, count_examples
from training.data.expectations import Range
from training.data.frozen import FrozenTest, read_frozen
from training.data.manifest import read_yaml

FROZEN_COLUMNS = ("sha256", "label", "source", "listing")


@dataclass(frozen=True)
class Judged:
    """The verdict on a table of sounds; `training.recipe.Verdict`."""

    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    docs: Path

    @property
    def success(self) -> bool:
        """Whether the model may be judged on it."""
        return not self.failures


@dataclass(frozen=True)
class MusicDataset(Described):
    """What `training.recipe.Dataset` asks for, of sounds that are drawn."""

    folder: Path
    manifest: MusicManifest
    expectations: MusicExpectations
    frozen: FrozenTest

    @property
    def labels(self) -> tuple[Label, ...]:
        """None: kinds of music are no classes of an answer."""
        return ()

    @property
    def rules(self) -> str:
        """What is expected of its sounds, as text."""
        expected = self.expectations.model_dump_json() + self.manifest.model_dump_json()
        return f"{self.frozen.digest} {expected}"

    def count(self, data: str | None) -> pd.DataFrame:
        """Return how many sounds are drawn, by source and label."""
        del data
        drawn = ((one.source, one.label) for one, _ in self._drawings())
        return count_examples(drawn, "sounds")

    def build(self, data: str | None, cache: Path) -> pd.DataFrame:
        """Draw every sound once and return the table of what they are."""
        del data, cache
        return pd.DataFrame([describe(one, split) for one, split in self._drawings()])

    def validate(self, table: pd.DataFrame, docs: Path) -> Judged:
        """Judge a table by the expectations, and write the page that shows how."""
        found = list(self._complaints(table))
        failures = tuple(text for severity, text in found if severity == "critical")
        warnings = tuple(text for severity, text in found if severity == "warning")
        docs.mkdir(parents=True, exist_ok=True)
        page = docs / "index.html"
        page.write_text(_to_page(self.name, table, (*failures, *warnings)), "utf-8")
        return Judged(failures, warnings, page)

    def training_rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the sounds to calibrate on; refuse any of the frozen test set.

        Raises
        ------
        BadInput
            If nothing was frozen yet, or a sound is in both.
        """
        if not len(self.frozen):
            raise BadInput(f"no test set is frozen in '{self.folder}'; its README.md says how")
        rows = table[table["split"].isin(("train", "validation"))]
        frozen = self.frozen.photos
        leaks = rows["sha256"].isin(frozen["sha256"]) | rows["listing"].isin(frozen["listing"])
        if leaks.any():
            raise BadInput(
                f"{leaks.sum()} sounds of train and validation are of the frozen test set, "
                f"'{rows['uri'][leaks].min()}' among them; mend '{self.folder}/manifest.yaml'"
            )
        return rows.copy()

    def frozen_share(self, rows: pd.DataFrame) -> float:
        """Return which share of the frozen test set the rows hold, 0..1."""
        return self.frozen.share(rows)

    def _drawings(self) -> Iterator[tuple[Drawing, str]]:
        for source in self.manifest.sources:
            for drawing in list_drawings(source):
                yield drawing, source.split

    def _complaints(self, table: pd.DataFrame) -> Iterator[tuple[str, str]]:
        """Yield severity and sentence of each expectation that is not met."""
        rules = self.expectations.sounds
        if len(table) < rules.enough.at_least:
            said = f"{len(table)} sounds are drawn; there must be at least {rules.enough.at_least}"
            yield rules.enough.severity, said
        copies = table["sha256"].duplicated()
        if len(table) and 1 - copies.mean() < rules.no_exact_copy.share:
            named = ", ".join(table["listing"][copies].head(5))
            yield rules.no_exact_copy.severity, f"{copies.sum()} sounds are copies: {named}"
        with_beat = table[table["beats"] > 0]
        for column, rule, rows in (
            ("bpm", rules.bpm, with_beat),
            ("beats", rules.beats, with_beat),
            ("length_s", rules.length_s, table),
            ("level_db", rules.level_db, table),
        ):
            yield from _out_of_range(rows, column, rule)
        present = self.expectations.frozen_test.present
        share = self.frozen_share(table[table["split"] == "test"])
        if len(self.frozen) and share < present.share:
            said = f"{share:.1%} of the frozen test set is drawn; {present.share:.0%} is needed"
            yield present.severity, f"{said}: {present.why}"


def open_music(folder: Path) -> MusicDataset:
    """Read the folder of a dataset of drawn sounds, such as `datasets/music`.

    Raises
    ------
    BadInput
        If one of its files is missing or wrong; the message names file and field.
    """
    return MusicDataset(
        folder,
        read_yaml(folder / "manifest.yaml", MusicManifest),
        read_yaml(folder / "expectations.yaml", MusicExpectations),
        read_frozen(folder, near_radius=0, columns=FROZEN_COLUMNS),
    )


def _out_of_range(rows: pd.DataFrame, column: str, rule: Range) -> Iterator[tuple[str, str]]:
    low = rule.low if rule.low is not None else float("-inf")
    high = rule.high if rule.high is not None else float("inf")
    outside = ~rows[column].between(low, high)
    if len(rows) and 1 - outside.mean() < rule.share:
        named = ", ".join(
            f"{name} ({value:.3g})"
            for name, value in rows.loc[outside, ["listing", column]].head(5).to_numpy()
        )
        said = f"{outside.sum()} of {len(rows)} sounds have {column} outside {low:g} to {high:g}"
        yield rule.severity, f"{said}. First: {named}"


def _to_page(name: str, table: pd.DataFrame, complaints: tuple[str, ...]) -> str:
    said = "".join(f"<li>{escape(one)}</li>" for one in complaints)
    shown = table.drop(columns=["uri", "split_note"]).to_html(
        index=False, float_format="{:.1f}".format
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(name)}</title><h1>{escape(name)}: {len(table)} sounds</h1>"
        f"<p>{'Not as expected:' if said else 'All is as expected.'}</p><ul>{said}</ul>{shown}"
    )
