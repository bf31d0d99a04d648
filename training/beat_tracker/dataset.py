"""The dataset `music`: nothing is collected, everything is drawn from seeds with its true beats."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from training.beat_tracker.manifest import MusicExpectations, MusicManifest
from training.beat_tracker.sounds import Drawing, describe, list_drawings
from training.data.dataset_files import count_examples
from training.data.drawn import FROZEN_COLUMNS, Complaint, DrawnDataset
from training.data.frozen import FrozenTest, read_frozen
from training.data.manifest import read_yaml


@dataclass(frozen=True)
class MusicDataset(DrawnDataset):
    """What `training.recipe.Dataset` asks for, of sounds that are drawn."""

    folder: Path
    manifest: MusicManifest
    expectations: MusicExpectations
    frozen: FrozenTest

    unit = "sounds"

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

    def _drawings(self) -> Iterator[tuple[Drawing, str]]:
        for source in self.manifest.sources:
            for drawing in list_drawings(source):
                yield drawing, source.split

    def complaints(self, table: pd.DataFrame) -> Iterator[Complaint]:
        """Yield severity and sentence of each expectation that is not met."""
        rules = self.expectations.sounds
        yield from self.too_few(table, rules.enough)
        yield from self.copies(table, rules.no_exact_copy)
        with_beat = table[table["beats"] > 0]
        yield from self.out_of_range(with_beat, "bpm", rules.bpm)
        yield from self.out_of_range(with_beat, "beats", rules.beats)
        yield from self.out_of_range(table, "length_s", rules.length_s)
        yield from self.out_of_range(table, "level_db", rules.level_db)
        yield from self.missing_frozen(table, self.expectations.frozen_test)


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
