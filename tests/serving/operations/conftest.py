"""Jobs and workers that operators look at."""

from tests.serving.jobs.conftest import new_job, worker_id

__all__ = ("new_job", "worker_id")
