"""Weights from outside are judged on drawn music, as every model is on its data."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from serving.audio.analyze import analyze
from serving.audio.beat_tracker import SoundFeatures, weights_of
from serving.audio.samples import Samples
from serving.errors import BadInput
from synthetic.music.tracks import RATE_HZ
from tests.fakes import starter_beats
from training.beat_tracker.dataset import MusicDataset, open_music
from training.beat_tracker.recipe import BEATNET, BEATS
from training.beat_tracker.sounds import read_drawing
from training.candidate import Provenance
from training.data.drawn import FROZEN_COLUMNS
from training.data.frozen import freeze_test
from training.data.settings import DataSettings
from training.loop.candidates import adopt
from training.recipe import Rows


@pytest.fixture(scope="module")
def shipped() -> MusicDataset:
    return open_music(DataSettings().dataset_folder("music"))


@pytest.fixture(scope="module")
def small(shipped: MusicDataset, tmp_path_factory: pytest.TempPathFactory) -> MusicDataset:
    """A dataset of one short track of each kind."""
    folder = tmp_path_factory.mktemp("music")
    sources = [
        {"name": "known", "split": "validation", "each": 1, "seconds": 6},
        {"name": "held_out", "split": "test", "each": 1, "seconds": 10},
        {"name": "beatless", "split": "test", "each": 1},
    ]
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"sources": sources}))
    shutil.copy(shipped.folder / "expectations.yaml", folder)
    freeze_test(open_music(folder).build(None, folder), folder, FROZEN_COLUMNS)
    return open_music(folder)


@pytest.fixture(scope="module")
def table(small: MusicDataset, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return small.build(None, tmp_path_factory.mktemp("cache"))


def test_the_same_sounds_are_drawn_each_time(small: MusicDataset, table: pd.DataFrame) -> None:
    assert small.frozen_share(table[table["split"] == "test"]) == 1.0
    assert small.frozen_share(table[table["split"] == "validation"]) == 0.0
    assert not table["sha256"].duplicated().any()


def test_versions_are_compared_on_what_the_analysis_asks_the_network(table: pd.DataFrame) -> None:
    asked: list[Samples] = []

    class Asked:
        identity, weights = "asked", weights_of(starter_beats().card)

        def __call__(self, features: Samples) -> Samples:
            asked.append(features)
            return np.zeros((len(features), 3), np.float32)

    row = {str(name): value for name, value in table.iloc[0].to_dict().items()}
    analyze(read_drawing(row).draw().samples, RATE_HZ, Asked())
    source = BEATS.evaluation().source(row)
    assert isinstance(source, SoundFeatures)
    assert np.array_equal(asked[0], source.features)


def test_another_sound_than_was_frozen_fails_the_expectations(
    small: MusicDataset, table: pd.DataFrame, tmp_path: Path
) -> None:
    changed = table.assign(sha256=table["sha256"].str[::-1])
    verdict = small.validate(changed, tmp_path)
    assert any("of the frozen test set is drawn" in said for said in verdict.failures)
    assert verdict.docs.is_file()
    assert not any("frozen" in said for said in small.validate(table, tmp_path).failures)


def test_a_sound_of_the_frozen_test_set_calibrates_nothing(
    small: MusicDataset, table: pd.DataFrame
) -> None:
    assert set(small.training_rows(table)["split"]) == {"validation"}
    with pytest.raises(BadInput, match="of the frozen test set"):
        small.training_rows(table.assign(split="train"))
    with pytest.raises(BadInput, match="no test set is frozen"):
        replace(small, frozen=replace(small.frozen, photos=small.frozen.photos[:0])).training_rows(
            table
        )


def test_the_weights_are_adopted_and_hear_beats_where_there_are_some(
    small: MusicDataset, table: pd.DataFrame
) -> None:
    found = Provenance("1", (), BEATNET.licence, "unknown")
    validation = table[table["label"] == "steady"].head(1)
    rows = Rows(table[:0], validation, small)
    candidate = adopt(BEATS, BEATNET, rows, found)["fp32"]
    assert candidate.card.licence == "CC-BY-4.0"
    assert candidate.validation > 0.8
    tested = table[(table["split"] == "test") & table["label"].isin(("steady", "swing", "hiss"))]
    report = BEATS.evaluation().evaluate(candidate, tested, small)
    assert report.figures["test/f"] > 0.8
    assert report.figures["test/beatless_claimed"] == 0.0
    assert abs(report.figures["test/offset_ms"]) < 5
    assert len(report.scores) == len(tested) == 3
    assert {"slice/label/steady/f", "test/acc1.low"} <= report.figures.keys()
