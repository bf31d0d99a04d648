"""What a bento for machines with a GPU asks of them."""

from typing import Any

import bentoml

Service = Any  # BentoML's decorator makes one of a class


def on_gpu(service: Service) -> Service:
    """Return the service with one GPU to itself: BentoML places it, and a cluster schedules it."""
    config = {**service.config, "resources": {"gpu": 1}}
    return bentoml.service(service.inner, name=service.name, **config)
