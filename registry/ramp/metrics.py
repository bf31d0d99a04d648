"""What the publisher shows of ramps to Prometheus; a version's number is in no label."""

import math
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session as Database

from registry.ramp.states import LIVE
from serving.db.canary_tables import Ramp
from serving.metrics import REGISTRY
from serving.models.routing import CHAMPION
from serving.models.slots import Mode, Published, read_slots

if TYPE_CHECKING:
    from registry.ramp.look import Look


class RampCollector:
    """Shows what a round of the guard found, and nothing of ramps that have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._evidence: dict[str, Mapping[str, float]] = {}
        self._ramps: list[tuple[str, str, float]] = []
        self._weights: dict[tuple[str, ...], float] = {}

    def note(self, found: "Look") -> None:
        """Keep the evidence of a task's ramp until the next look."""
        combined = {"all": math.log10(max(found.verdict.harm, 1e-300))}
        with self._lock:
            self._evidence[found.ramp.task] = combined | dict(found.verdict.log10)

    def show(self, engine: Engine) -> None:
        """Read how ramps stand and what is published."""
        columns = select(Ramp.task, Ramp.state, Ramp.looked_at).where(Ramp.state.in_(LIVE))
        with Database(engine) as database:
            ramps = [
                (row.task, row.state, row.looked_at.timestamp())
                for row in database.execute(columns)
            ]
        weights: dict[tuple[str, ...], float] = {
            (row.task, row.slot): _answered(row) / 100
            for row in read_slots(engine).values()
            if row.slot != CHAMPION
        }
        with self._lock:
            self._ramps, self._weights = ramps, weights
            live = {task for task, _, _ in ramps}
            self._evidence = {task: of for task, of in self._evidence.items() if task in live}

    def collect(self) -> Iterable[Metric]:
        """Yield it all as it stands."""
        evidence = GaugeMetricFamily(
            "studio_canary_log10_evidence",
            "Evidence of harm by a version beside the champion, log10 of the e-value",
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
        weight = GaugeMetricFamily(
            "studio_canary_weight_ratio",
            "Share of listings that a version beside the champion is to answer",
            labels=("task", "slot"),
        )
        with self._lock:
            for task, figures in self._evidence.items():
                for metric, value in figures.items():
                    evidence.add_metric((task, metric), value)
            for task, name, at in self._ramps:
                looked.add_metric((task,), at)
                state.add_metric((task, name), 1)
            for labels, share in self._weights.items():
                weight.add_metric(labels, share)
        return [evidence, looked, state, weight]


def _answered(row: Published) -> float:
    return row.weight if row.runs and row.mode == Mode.CANARY else 0.0


RAMPS = RampCollector()
REGISTRY.register(RAMPS)
note, show = RAMPS.note, RAMPS.show
