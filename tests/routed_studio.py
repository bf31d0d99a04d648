"""A version beside the champion as a whole: its row, its process, and a router that knows both."""

import hashlib
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from serving import metrics
from serving.card import ModelCard
from serving.models.challenger import Challengers
from serving.models.local import Loaded
from serving.models.noting import Notes
from serving.models.observe import Observer
from serving.models.router import Router
from serving.models.routes import Routes
from serving.models.session import OnnxSession
from serving.models.shadow import ShadowQueue
from serving.models.slots import read_slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.cache import Answers
from serving.storage.interface import Storage
from tests.fakes import TASK, colour_card, colour_model, publish
from tests.slot_host import PATIENT_S, SHORT_S, SlotHost

UNSURE = colour_model(gain=2.0)
"""Names the same colours as the champion, and is less sure of them."""


@dataclass
class RoutedStudio:
    """A router over a database in which a challenger is published; `host` is its process."""

    engine: Engine
    storage: Storage
    folder: Path
    answers: Answers | None = None
    model: bytes = UNSURE
    card: ModelCard = field(default_factory=colour_card)
    host: SlotHost = field(init=False)
    router: Router = field(init=False)

    def __post_init__(self) -> None:
        files = self.model, self.card.model_dump_json().encode()
        hashes = (hashlib.sha256(file).hexdigest() for file in files)
        model = Loaded(self.card, "2", "challenger", *hashes, session=OnnxSession(self.model))
        self.host = SlotHost(self.folder, ROOM_CLASSIFIER, model)
        self.observer = Observer(self.engine, self.storage, 2**25)
        self.challengers = Challengers(lambda *_: self.host.address, PATIENT_S)
        routes = Routes(self.storage, together_s=0.0)
        notes, shadow = Notes(self.observer), ShadowQueue(2**25)
        self.router = Router(routes, self.challengers, shadow, self.answers, notes)

    def say(self, weight: float = 100.0, shadow: float = 0.0, **row: object) -> None:
        """Publish the challenger with that traffic."""
        traffic: dict[str, Any] = {"weight": weight, "shadow": shadow, "salt": "2-a"} | row
        traffic |= {"slot": "challenger", "notify": False}
        publish(self.engine, self.storage, "2", self.model, self.card, **traffic)
        self.follow()

    def break_by(self, mode: str) -> None:
        """Let the challenger's process break in a way of `SlotHost`, and callers wait less long."""
        self.host.mode, self.challengers.deadline_s = mode, SHORT_S

    def follow(self) -> None:
        """Let the router know what the table says now."""
        self.router.apply(read_slots(self.engine))

    def rows(self) -> list[tuple[str, str, bool, bool]]:
        """Return (slot, role, has a pair, agrees) of each answer to rooms that was observed."""
        assert self.router.shadow.drain(20)
        assert self.observer.flush()
        asked = text(
            "SELECT slot, role, pair_id IS NOT NULL, coalesce(agrees, false) FROM predictions "
            "WHERE task = :task ORDER BY slot, role"
        )
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(asked, {"task": TASK})]

    def bad(self) -> list[tuple[str, str, str]]:
        """Return (slot, kind, reason) of what went wrong."""
        assert self.router.shadow.drain(20)
        assert self.observer.flush()
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT slot, kind, reason FROM bad_events"))
            return sorted(tuple(row) for row in rows)

    def close(self) -> None:
        """End it."""
        with closing(self.host):
            self.router.close()


def fallbacks(reason: str) -> float:
    """Return how often the champion answered for that reason, in this process."""
    labels = {"task": TASK, "reason": reason}
    return metrics.REGISTRY.get_sample_value("studio_slot_fallbacks_total", labels) or 0.0
