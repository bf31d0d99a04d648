"""What this process counts and times, in Prometheus' form.

The gateway answers it at `/internal/metrics`, a worker at its `WORKER_METRICS_PORT`. Names begin
with `studio_`; times are in seconds, as Prometheus has it.
"""

import contextlib
import errno
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

log = logging.getLogger(__name__)

# a series more for every series, and nobody asks for its birthday
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
# of whoever holds the models: this process, or a service whose numbers the gateway shows
MODELS = CollectorRegistry()

_FAST_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_LONG_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

REQUESTS = Histogram(
    "studio_request_seconds",
    "Requests by route and status; an event stream until its first byte",
    ("method", "route", "status"),
    buckets=_FAST_S,
    registry=REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "studio_requests_in_flight", "Requests being answered", registry=REGISTRY
)
REFUSED = Counter(
    "studio_refused",
    "Requests and connections that were not served, by the problem's title",
    ("reason",),
    registry=REGISTRY,
)
STREAMS = Gauge("studio_event_streams", "Event streams being sent", registry=REGISTRY)
CONNECTIONS = Gauge("studio_connections", "Connections of clients", registry=REGISTRY)
POOL_THREADS = Gauge(
    "studio_pool_threads", "Threads for each kind of wait", ("pool",), registry=REGISTRY
)
POOL_BUSY = Gauge("studio_pool_busy", "Threads that wait or work", ("pool",), registry=REGISTRY)
POOL_WAIT = Histogram(
    "studio_pool_wait_seconds",
    "Waits for a thread, of those who found none free",
    ("pool",),
    buckets=_FAST_S,
    registry=REGISTRY,
)
ACCEPTED = Counter(
    "studio_jobs_accepted", "Jobs accepted by this process", ("type",), registry=REGISTRY
)
CLASSIFICATIONS = Histogram(
    "studio_classification_seconds",
    "A photo's way from its bytes to its room: waiting, decoding, the model",
    ("serving", "cached"),
    buckets=_FAST_S,
    registry=REGISTRY,
)
MODEL = Histogram(
    "studio_model_seconds",
    "Batches through a model held by this process",
    ("task", "slot"),
    buckets=_FAST_S,
    registry=MODELS,
)
MODEL_BATCH = Histogram(
    "studio_model_batch_photos",
    "Photos that the model service had in one batch",
    ("task",),
    buckets=(1, 2, 4, 8, 16, 32, 64),
    registry=MODELS,
)
MODEL_QUEUE = Histogram(
    "studio_model_queue_seconds",
    "Waits of photos in the model service for their batch",
    ("task",),
    buckets=_FAST_S,
    registry=MODELS,
)
SLOT_ANSWERS = Counter(
    "studio_slot_answers",
    "Questions by the slot that was to answer: answered, answered by the champion instead, or not",
    ("task", "slot", "outcome"),
    registry=REGISTRY,
)
SLOT_FALLBACKS = Counter(
    "studio_slot_fallbacks",
    "Answers of the champion instead of the version that was to answer, by why",
    ("task", "reason"),
    registry=REGISTRY,
)
SHADOWED = Counter(
    "studio_shadow_asked",
    "Questions to a version beside the answer of another, by what came of them",
    ("task", "outcome"),
    registry=REGISTRY,
)
SHADOW_DROPPED = Counter(
    "studio_shadow_dropped",
    "Questions that were to be asked beside another's answer and were not, by why",
    ("task", "reason"),
    registry=REGISTRY,
)
CANARY_WEIGHT = Gauge(
    "studio_canary_weight_ratio",
    "Share of listings that the versions beside the champion answer, as this process has it",
    ("task",),
    registry=REGISTRY,
)
SLOT_INFO = Gauge(
    "studio_slot_info",
    "The version that each slot holds, as this process has it",
    ("task", "slot", "version"),
    registry=REGISTRY,
)
JOBS = Histogram(
    "studio_job_seconds",
    "Attempts at jobs, by how they ended",
    ("type", "outcome"),
    buckets=_LONG_S,
    registry=REGISTRY,
)
JOB_WAIT = Histogram(
    "studio_job_wait_seconds",
    "From when a job could run to the attempt at it",
    ("queue",),
    buckets=_LONG_S,
    registry=REGISTRY,
)
JOB_ERRORS = Counter(
    "studio_job_errors",
    "Attempts that ended in an error, and whether another follows",
    ("type", "reason", "error", "retried"),
    registry=REGISTRY,
)
JOBS_IN_FLIGHT = Gauge(
    "studio_jobs_in_flight", "Attempts being made", ("queue",), registry=REGISTRY
)
STAGES = Counter(
    "studio_stages",
    "Stages of jobs: found made, or worked out",
    ("stage", "found"),
    registry=REGISTRY,
)
CALLBACKS = Histogram(
    "studio_callback_seconds",
    "Tries to deliver a webhook, by what the delivery then was",
    ("event", "outcome"),
    buckets=_FAST_S,
    registry=REGISTRY,
)
REAPED = Counter(
    "studio_reaped",
    "Jobs and deliveries brought back after a worker's death",
    ("what",),
    registry=REGISTRY,
)

REMOVED = Counter(
    "studio_removed",
    "What was removed by age or at a client's request",
    ("what",),
    registry=REGISTRY,
)


OBSERVED_ANSWERS = Counter(
    "studio_prediction_log_answers",
    "Answers to be written down: those of which there are rows, drops, or that still wait",
    registry=REGISTRY,
)
OBSERVED_ROWS = Counter(
    "studio_prediction_log_rows", "Answers that were written down", registry=REGISTRY
)
OBSERVED_DROPPED = Counter(
    "studio_prediction_log_dropped",
    "Answers that were not written down, and why",
    ("reason",),
    registry=REGISTRY,
)
OBSERVED_BYTES = Gauge(
    "studio_prediction_log_waiting_bytes", "Answers that wait to be written", registry=REGISTRY
)
BAD_EVENTS_DROPPED = Counter(
    "studio_bad_events_dropped", "Bad events that found no room to wait", registry=REGISTRY
)
KEPT_PHOTOS = Counter(
    "studio_kept_photos",
    "Small pictures of photos, by what became of them",
    ("outcome",),
    registry=REGISTRY,
)


class Cache(Protocol):
    """Whoever counts how often it knew the answer."""

    hits: int
    misses: int


class CacheCollector:
    """Shows the counts that caches keep themselves."""

    def __init__(self) -> None:
        self._caches: dict[str, Cache] = {}

    def watch(self, name: str, cache: Cache) -> None:
        """Show this one too; another of the same name is forgotten."""
        self._caches[name] = cache

    def collect(self) -> Iterable[Metric]:
        """Yield the counts as they stand."""
        looked = CounterMetricFamily(
            "studio_cache_lookups", "Look-ups in caches", labels=("cache", "outcome")
        )
        for name, counts in self._caches.items():
            looked.add_metric((name, "hit"), counts.hits)
            looked.add_metric((name, "miss"), counts.misses)
        yield looked


Gpu = tuple[str, int, int]


class GpuCollector:
    """Shows the memory of the machine's GPUs, whoever uses it.

    Parameters
    ----------
    read : returns (index, bytes used, bytes in all) of each
    """

    def __init__(self, read: Callable[[], Sequence[Gpu]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Yield the bytes as they stand."""
        used = GaugeMetricFamily(
            "studio_gpu_memory_used_bytes", "GPU memory in use", labels=("gpu",)
        )
        total = GaugeMetricFamily("studio_gpu_memory_bytes", "GPU memory in all", labels=("gpu",))
        for index, used_bytes, total_bytes in self._read():
            used.add_metric((index,), used_bytes)
            total.add_metric((index,), total_bytes)
        return [used, total]


@cache
def _open_gpus() -> tuple[Any, ...]:
    with contextlib.suppress(ImportError):
        import pynvml  # type: ignore[import-untyped]

        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            count = range(pynvml.nvmlDeviceGetCount())
            return tuple(pynvml.nvmlDeviceGetHandleByIndex(index) for index in count)
    return ()


def read_gpus() -> Sequence[Gpu]:
    """Return (index, bytes used, bytes in all) of each NVIDIA GPU; nothing without any."""
    handles = _open_gpus()
    if not handles:
        return []
    import pynvml

    found = [pynvml.nvmlDeviceGetMemoryInfo(handle) for handle in handles]
    return [(str(index), int(memory.used), int(memory.total)) for index, memory in enumerate(found)]


_caches = CacheCollector()
REGISTRY.register(_caches)
REGISTRY.register(GpuCollector(read_gpus))
observe_cache = _caches.watch

_PORTS_TRIED = 20


class MetricsServer:
    """Answers scrapes on the first free port from `port` on, until it is closed.

    Raises
    ------
    OSError
        The next 20 ports are taken, or the address is not this machine's.
    """

    def __init__(
        self, port: int, host: str = "127.0.0.1", registry: CollectorRegistry | None = None
    ) -> None:
        if registry is None:
            registry = CollectorRegistry()
            registry.register(REGISTRY)
            registry.register(MODELS)
        ports = range(port, min(port + _PORTS_TRIED, 2**16))
        for self.port in ports:
            try:
                self._server, self._thread = start_http_server(self.port, host, registry)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self.port == ports[-1]:
                    raise
            else:
                return

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
