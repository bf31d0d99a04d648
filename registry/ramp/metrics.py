"""What the publisher shows of ramps to Prometheus; a version's number is in no label."""

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.ramp.states import LIVE
from serving.db.canary_tables import Ramp
from serving.metrics import REGISTRY
from serving.models.routing import CHALLENGER

if TYPE_CHECKING:
    from registry.ramp.look import Look


class RampCollector:
    """Shows what a round of the guard found, and nothing of ramps that have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._evidence: dict[tuple[str, str], Mapping[str, float]] = {}
        self._looked: dict[str, float] = {}
        self._states: Counter[tuple[str, str]] = Counter()

    def note(self, found: "Look") -> None:
        """Keep the evidence about a task's version until the next look."""
        combined = {"all": math.log10(max(found.verdict.harm, 1e-300))}
        with self._lock:
            key = found.ramp.task, found.ramp.slot
            self._evidence[key] = combined | dict(found.verdict.log10)

    def show(self, engine: Engine) -> None:
        """Read how ramps stand."""
        columns = select(Ramp.task, Ramp.slot, Ramp.state, Ramp.looked_at)
        with Database(engine) as database:
            rows = database.execute(columns.where(Ramp.state.in_(LIVE))).all()
        live = {(row.task, row.slot) for row in rows}
        with self._lock:
            self._states = Counter((row.task, row.state) for row in rows)
            challengers = (row for row in rows if row.slot == CHALLENGER)
            self._looked = {row.task: row.looked_at.timestamp() for row in challengers}
            self._evidence = {key: of for key, of in self._evidence.items() if key in live}

    def collect(self) -> Iterable[Metric]:
        """Yield it all as it stands."""
        evidence = GaugeMetricFamily(
            "studio_canary_log10_evidence",
            "Evidence of harm by a version beside the champion, log10 of the e-value; of several "
            "versions the worst",
            labels=("task", "metric"),
        )
        looked = GaugeMetricFamily(
            "studio_ramp_last_look_timestamp_seconds",
            "When it was last looked whether a ramp may go on",
            labels=("task",),
        )
        state = GaugeMetricFamily(
            "studio_ramp_state", "Ramps that have not ended, by state", labels=("task", "state")
        )
        with self._lock:
            for labels, value in self._worst().items():
                evidence.add_metric(labels, value)
            for task, at in self._looked.items():
                looked.add_metric((task,), at)
            for labels, count in self._states.items():
                state.add_metric(labels, count)
        return [evidence, looked, state]

    def _worst(self) -> dict[tuple[str, str], float]:
        worst: dict[tuple[str, str], float] = {}
        for (task, _), figures in self._evidence.items():
            for metric, value in figures.items():
                worst[task, metric] = max(value, worst.get((task, metric), -math.inf))
        return worst


RAMPS = RampCollector()
REGISTRY.register(RAMPS)
note, show = RAMPS.note, RAMPS.show
