from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from registry.ramp.look import deciding
from registry.ramp.rules import RampRules, read_rules
from registry.ramp.store import Beginning, begin
from registry.traffic import Traffic
from serving.db.canary_tables import BadEvent, Exposure, Prediction, Publication
from serving.db.tables import Base, Slot
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import Mode
from tests.fakes import TASK

SHA = "a" * 64
OLD, NEW = "1", "2"


class Traffics:
    """Writes what serving would have observed of version 2 beside version 1."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def expose(self, keys: Sequence[str], version: str = NEW, share: float = 0.05) -> None:
        slot = CHALLENGER if version == NEW else CHAMPION
        rows = [
            {"task": TASK, "version": version, "listing_key": key, "slot": slot, "share": share}
            for key in keys
        ]
        self._write(Exposure, [row | {"beside": NEW} for row in rows])

    def pair(self, keys: Sequence[str], **changes: object) -> None:
        """A photo of each listing was asked of both."""
        row = {
            "task": TASK,
            "slot": CHALLENGER,
            "version": NEW,
            "role": "paired",
            "content_sha256": SHA,
            "answer": {},
            "label_group": "kitchen",
            "agrees": True,
            "distance": 0.01,
        } | changes
        self._write(Prediction, [row | {"listing_key": key} for key in keys])

    def fail(self, keys: Sequence[str], version: str = NEW, kind: str = "error") -> None:
        slot = CHALLENGER if version == NEW else CHAMPION
        row = {"task": TASK, "version": version, "kind": kind, "slot": slot, "share": 0.5}
        row |= {"beside": NEW}
        self._write(BadEvent, [row | {"listing_key": key} for key in keys])

    def _write(self, table: type[Base], rows: list[dict[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(table), rows)


@pytest.fixture
def traffic(engine: Engine) -> Traffics:
    return Traffics(engine)


@pytest.fixture
def rules() -> RampRules:
    """The shipped rules, with listings that settle at once."""
    return read_rules(TASK).model_copy(update={"settle_s": 0.0})


BeginRamp = Callable[..., None]


@pytest.fixture
def begin_ramp(engine: Engine, rules: RampRules) -> BeginRamp:
    """Publishes version 2 beside version 1 and begins its ramp."""

    def make(mode: Mode = Mode.SHADOW, weight: float = 0.0, rules: RampRules = rules) -> None:
        files = {"model_sha256": SHA, "card_sha256": SHA}
        with deciding(engine, TASK) as database:
            for slot, version in ((CHAMPION, OLD), (CHALLENGER, NEW)):
                row: dict[str, object] = {"task": TASK, "slot": slot, "version": version, **files}
                database.execute(insert(Publication).values(row))
                row |= {"mode": mode, "weight": weight} if slot == CHALLENGER else {}
                database.execute(insert(Slot).values(row))
            of = Traffic(mode, weight, 100.0, "2-a")
            new = Beginning(TASK, CHALLENGER, NEW, OLD, of, rules)
            begin(database, new, "version 2 has come")

    return make
