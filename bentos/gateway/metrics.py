"""`GET /internal/metrics`: what Prometheus scrapes here; workers have ports of their own."""

from collections.abc import Iterable

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from bentos.gateway.dependencies import State, client_of
from bentos.problems import documented
from serving.jobs.liveness import SilenceLimits
from serving.jobs.queue_stats import QueueStats
from serving.metrics import REGISTRY

router = APIRouter(tags=["status"])


@router.get(
    "/internal/metrics",
    dependencies=[Depends(client_of)],
    response_class=PlainTextResponse,
    responses=documented(401, 429),
)
async def read_metrics(state: State) -> Response:
    """Return this gateway's counters and the queues' state, in Prometheus' text form."""
    stats, models = await state.read_queue_stats(), await state.predictor.measures()
    text = await state.pools.pages.run(_render, stats, SilenceLimits.of(state.settings))
    return Response(text + models, media_type=CONTENT_TYPE_LATEST)


def _render(stats: QueueStats | None, silence_limits: SilenceLimits) -> bytes:
    queues = CollectorRegistry()
    queues.register(_QueueCollector(stats, silence_limits))
    return generate_latest(REGISTRY) + generate_latest(queues)


class _QueueCollector:
    """Shows one look at the database."""

    def __init__(self, stats: QueueStats | None, silence_limits: SilenceLimits) -> None:
        self._stats, self._patience = stats, silence_limits

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges of queues and workers; without a database only that."""
        up = GaugeMetricFamily("studio_database_up", "Whether the database answers")
        up.add_metric((), self._stats is not None)
        yield up
        if self._stats is not None:
            yield from _show(self._stats, self._patience)


def _show(stats: QueueStats, silence_limits: SilenceLimits) -> Iterable[Metric]:
    depth = GaugeMetricFamily(
        "studio_queue_jobs", "Jobs (webhook: deliveries) in each queue", labels=("queue", "state")
    )
    oldest = GaugeMetricFamily(
        "studio_queue_oldest_seconds", "Longest wait of what could run now", labels=("queue",)
    )
    for queue in stats.queues:
        depth.add_metric((queue.name, "waiting"), queue.waiting)
        depth.add_metric((queue.name, "scheduled"), queue.scheduled)
        depth.add_metric((queue.name, "running"), queue.running)
        oldest.add_metric((queue.name,), queue.oldest_s)
    failed = GaugeMetricFamily("studio_jobs_failed", "Jobs that have failed, to be run again")
    failed.add_metric((), stats.failed_jobs)
    dead = GaugeMetricFamily("studio_dead_letters", "Deliveries given up, to be replayed")
    dead.add_metric((), stats.dead_deliveries)
    workers = GaugeMetricFamily("studio_workers", "Workers that are alive")
    alive = [worker for worker in stats.workers if worker.alive(silence_limits)]
    workers.add_metric((), len(alive))
    return depth, oldest, failed, dead, workers
