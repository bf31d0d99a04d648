"""Routing as a whole: the launcher's real process, asked by a router that follows real slots."""

import time
from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Engine

from serving.models.asker import Asker
from serving.models.fallback import Reason
from serving.models.local import LocalModels
from serving.models.observe import Observer
from serving.models.pinned import PinnedModel, ask_routed
from serving.models.predictor import LocalPredictor, Prediction, or_raise
from serving.models.router import Outcome, Router, open_router
from serving.models.slots import SlotFollower
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from serving.storage.interface import Storage
from tests import faulty_models as faulty
from tests.bentos.test_slot_services import launched
from tests.fakes import RED, TASK, colour_model, photo, publish
from tests.faulty_graphs import bright
from tests.routed_studio import fallbacks

pytestmark = pytest.mark.slow


class Studio:
    """Asks as a worker does."""

    def __init__(self, router: Router, models: LocalModels) -> None:
        self.router, self._predictor = router, LocalPredictor(models)

    def ask(self, colour: tuple[int, int, int] = RED) -> Outcome:
        model = PinnedModel(self._predictor.find(ROOM_CLASSIFIER), self.router.routes.of(TASK))
        asker = Asker("backend", "42")
        source = photo(colour)
        return ask_routed(self._predictor, self.router, ROOM_CLASSIFIER, [source], model, [asker])[
            0
        ]

    def wait(self, version: str, timeout_s: float = 90) -> Prediction[object]:
        """Ask until that version answers."""
        until = time.monotonic() + timeout_s
        while (said := or_raise(self.ask())).version != version:
            assert time.monotonic() < until, "it never answered"
            time.sleep(0.05)
        return said


@pytest.mark.parametrize(
    ("defect", "reasons"),
    [
        (lambda model: faulty.nan(model, bright()), {Reason.NOT_FINITE}),
        (lambda model: faulty.throw(model, bright()), {Reason.ERROR}),
        (lambda model: faulty.abort(model, bright()), {Reason.ERROR, Reason.UNAVAILABLE}),
        (lambda model: faulty.hang(model, bright()), {Reason.DEADLINE}),
    ],
)
def test_a_real_model_that_breaks_is_answered_for_by_the_champion(
    settings: Settings,
    engine: Engine,
    storage: Storage,
    models: LocalModels,
    defect: Callable[[bytes], bytes],
    reasons: set[Reason],
) -> None:
    settings = settings.model_copy(update={"challenger_deadline_s": 2.0, "slots_poll_s": 0.2})
    publish(engine, storage, "2", defect(colour_model(gain=4.0)), slot="challenger", weight=100.0)
    router = open_router(settings, storage, None, Observer(None, storage, 2**20))
    follower = SlotFollower(engine, router.apply, 0.2)
    with launched(settings), closing(router):
        follower.start()
        studio = Studio(router, models)
        answered = studio.wait("2")
        assert (answered.slot, answered.seconds is not None) == ("challenger", True)
        before = {reason: fallbacks(reason) for reason in reasons}
        assert or_raise(studio.ask((250, 250, 250))).version == "1"
        assert sum(fallbacks(reason) - before[reason] for reason in reasons) == 1
        follower.stop()
