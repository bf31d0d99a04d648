"""Jobs that links open."""

from tests.serving.jobs.conftest import new_job

__all__ = ("new_job",)
