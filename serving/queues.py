"""The queues that jobs wait in, and how many of each a worker does at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WEBHOOK_QUEUE = "webhook"


@dataclass(frozen=True)
class Queue:
    """A queue of the worker.

    Attributes
    ----------
    concurrency : jobs that one worker does at once, where `WORKER_CONCURRENCY` does not say
    on_gpu : its jobs share the turns at the GPU (`GPU_JOBS`)
    """

    name: str
    concurrency: int = 1
    on_gpu: bool = False


# The media queues share the cores; what waits for a backend does not.
QUEUES: Mapping[str, Queue] = MappingProxyType(
    {
        queue.name: queue
        for queue in (
            Queue("classify", concurrency=2, on_gpu=True),
            Queue("stage", on_gpu=True),
            Queue("video", on_gpu=True),
            Queue("audio"),
            Queue("enhance", on_gpu=True),
            # listings that a version taken back had answered: many, and nobody waits for one
            Queue("recall", on_gpu=True),
            Queue(WEBHOOK_QUEUE, concurrency=8),
        )
    }
)
