"""Jobs whose attempts are run by hand."""

from collections.abc import Callable
from uuid import UUID, uuid4

from sqlalchemy import Engine

from serving.db.tables import Job, Json
from serving.jobs import manage
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.workflows import WORKFLOWS
from serving.workflows.run import Parts, Run, Workflow
from serving.workflows.runner import Runner


def nothing() -> None:
    """Nobody wants the attempt to end."""


class JobHarness:
    """Submits jobs of a kind and runs their attempts by hand."""

    def __init__(self, parts: Parts, kind: str = "classify_photos") -> None:
        self.parts, self.kind = parts, kind

    def submit(self, **work: object) -> UUID:
        new = NewJob(KINDS[self.kind], work, "backend")
        return submit(self.parts.engine, new, 100).job_id

    def attempt(
        self,
        job_id: UUID,
        workflow: Workflow | None = None,
        check: Callable[[], None] = nothing,
    ) -> Job:
        runner = Runner(self.parts, {self.kind: workflow or WORKFLOWS[self.kind]}, uuid4())
        job = runner.take(job_id)
        assert job is not None
        runner.run(job, check)
        return manage.read_job(self.parts.engine, job_id)

    def fails_with(self, error: Exception) -> Job:
        def workflow(_: Run) -> Json:
            raise error

        return self.attempt(self.submit(photos=["a.jpg"]), workflow)


def wait_until_due(engine: Engine) -> None:
    """Let what waits for its next attempt wait no longer."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET run_at = now() WHERE status = 'pending'")
