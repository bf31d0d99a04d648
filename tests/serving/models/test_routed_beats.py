"""A track is analysed with the version whose it is, as a whole, and with the champion else."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from registry.bootstrap import STARTERS
from serving.audio.beat_tracker import BEAT_TRACKER
from serving.audio.samples import Samples
from serving.models.asker import Asker
from serving.models.beats import BeatTrackers, route_beats
from serving.models.challenger import Challengers
from serving.models.local import LocalModels
from serving.models.noting import Notes
from serving.models.pinned import PinnedModel
from serving.models.predictor import LocalPredictor
from serving.models.router import Router
from serving.models.routes import Routes
from serving.models.shadow import ShadowQueue
from serving.models.slots import Mode, Published
from serving.storage.interface import Storage
from serving.storage.objects import open_storage, write_by_sha256
from serving.storage.prefixes import MODELS
from tests.fakes import hearing, starter_beats
from tests.slot_host import SlotHost


@dataclass
class Studio:
    storage: Storage
    router: Router
    host: SlotHost

    def say(self, weight: float) -> None:
        loaded = starter_beats()
        card = (STARTERS / BEAT_TRACKER.name / "card.json").read_bytes()
        champion = Published(
            BEAT_TRACKER.name,
            "champion",
            loaded.version,
            loaded.model_sha256,
            write_by_sha256(self.storage, MODELS, card),
        )
        beside = replace(champion, slot="challenger", version="9", mode=Mode.CANARY, shadow=0.0)
        rows = (champion, replace(beside, weight=weight, salt="9-a"))
        self.router.apply({(row.task, row.slot): row for row in rows})

    def beats(self) -> BeatTrackers:
        predictor = LocalPredictor(LocalModels(self.storage, hearing()))
        route = self.router.routes.of(BEAT_TRACKER.name)
        model = PinnedModel(predictor.find(BEAT_TRACKER), route)
        asker = Asker("backend", content_sha256="5" * 64)
        return route_beats(predictor, self.router, self.storage, model, asker)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    storage = open_storage((tmp_path / "objects").as_uri())
    model = replace(starter_beats(), version="9", slot="challenger")
    with closing(SlotHost(tmp_path, BEAT_TRACKER, model)) as host:
        asked = Challengers(lambda *_: host.address, 2.0)
        router = Router(Routes(storage, 0.0), asked, ShadowQueue(2**25), None, Notes(None))
        with closing(router):
            yield Studio(storage, router, host)


def heard(studio: Studio) -> tuple[Samples, str]:
    """Return what a track's version hears, and which it is."""
    features = np.random.default_rng(3).uniform(0, 2, (400, 272)).astype(np.float32)
    found, version = studio.beats().analyse(lambda model: model(features))
    return found, version.slot


def test_the_version_whose_track_it_is_hears_it(studio: Studio) -> None:
    studio.say(weight=100)
    found, slot = heard(studio)
    assert (slot, studio.host.asked, found.shape) == ("challenger", 1, (400, 3))


@pytest.mark.parametrize("mode", ["500", "hang"])
def test_the_champion_analyses_a_track_for_a_version_that_breaks(studio: Studio, mode: str) -> None:
    studio.say(weight=100)
    expected, _ = heard(studio)
    studio.host.mode = mode
    found, slot = heard(studio)
    assert slot == "champion"
    np.testing.assert_array_equal(found, expected)


def test_other_tracks_are_the_champions(studio: Studio) -> None:
    studio.say(weight=0)
    assert heard(studio)[1] == "champion"
    assert studio.host.asked == 0
