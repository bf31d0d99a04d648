"""Runs one attempt at a job and sees that it has exactly one outcome."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from serving.db.engine import retry_while_unavailable
from serving.db.faults import UNAVAILABLE
from serving.db.status import JobStatus
from serving.db.tables import Job, Json
from serving.errors import (
    BadInput,
    Cancelled,
    Corrupted,
    DownloadFailed,
    FaultyOutput,
    HandedBack,
    JobStopped,
    ModelUnavailable,
    Overtaken,
    StorageFull,
    StorageUnavailable,
    first_line,
)
from serving.jobs import attempts
from serving.jobs.attempts import Retries
from serving.workflows.run import Parts, Run, Workflow

log = logging.getLogger(__name__)

# what may be otherwise in a moment
TRANSIENT = (
    ModelUnavailable,
    StorageUnavailable,
    StorageFull,
    DownloadFailed,
    Corrupted,
    *UNAVAILABLE,
    BotoCoreError,
    ClientError,
    OSError,
    MemoryError,
)
# An outcome is worth waiting for: were it given up, all the work would be done again.
_DATABASE_WAIT_S = 3600.0


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, for logs and metrics."""

    job: Job
    status: str
    error: Json | None = None


class Runner:
    """Runs attempts with what a worker's process holds; used from several threads."""

    def __init__(self, parts: Parts, workflows: Mapping[str, Workflow], worker_id: UUID) -> None:
        settings = parts.settings
        self._parts, self._workflows, self._worker_id = parts, workflows, worker_id
        self._retries = Retries(
            settings.job_failures, settings.retry_first_s, settings.retry_longest_s
        )

    def take(self, job_id: UUID) -> Job | None:
        """Begin an attempt; None if there is nothing to do."""
        return attempts.take(self._parts.engine, job_id, self._worker_id)

    def run(self, job: Job, check: Callable[[], None]) -> Outcome:
        """Run the attempt to its end and store its outcome.

        Parameters
        ----------
        check : raises JobStopped when the attempt is to end
        """
        try:
            result = self._work(job, check)
            return self._write(
                Outcome(job, JobStatus.COMPLETED), lambda: self._complete(job, result)
            )
        except HandedBack:
            return self._write(Outcome(job, "handed_back"), lambda: self._hand_back(job))
        except Cancelled:
            return self._write(Outcome(job, JobStatus.CANCELLED), lambda: self._cancel(job))
        except Overtaken:
            return Outcome(job, "overtaken")
        except BadInput as error:
            return self._fail(job, describe(error, "bad_input"))
        except FaultyOutput as error:
            found = {"findings": error.findings, "picture": error.shown}
            return self._fail(job, describe(error, "faulty_output") | found)
        except TRANSIENT as error:
            return self._retry(job, describe(error, "transient"))
        except Exception as error:
            log.exception("job %s broke", job.id)
            detail = "internal error; it was logged under this job's id"
            problem = {"title": type(error).__name__, "detail": detail, "reason": "internal"}
            return self._fail(job, problem)

    def _work(self, job: Job, check: Callable[[], None]) -> Json:
        workflow = self._workflows.get(job.type)
        if workflow is None:
            raise ModelUnavailable(job.type, "this worker does not know how to do that")
        last = job.failures + 1 >= self._retries.failures
        return workflow(Run(self._parts, job, check, last))

    def _fail(self, job: Job, error: Json) -> Outcome:
        outcome = Outcome(job, JobStatus.FAILED, error)
        return self._write(outcome, lambda: attempts.fail(self._parts.engine, job, error))

    def _retry(self, job: Job, error: Json) -> Outcome:
        delays: list[float | None] = []
        retry = attempts.retry
        outcome = self._write(
            Outcome(job, "retried", error),
            lambda: delays.append(retry(self._parts.engine, job, error, self._retries)),
        )
        return Outcome(job, JobStatus.FAILED, error) if delays == [None] else outcome

    def _complete(self, job: Job, result: Json) -> None:
        attempts.complete(self._parts.engine, job, result)

    def _hand_back(self, job: Job) -> None:
        attempts.hand_back(self._parts.engine, job)

    def _cancel(self, job: Job) -> None:
        attempts.end_cancelled(self._parts.engine, job)

    def _write(self, outcome: Outcome, write: Callable[[], None]) -> Outcome:
        try:
            retry_while_unavailable(write, _DATABASE_WAIT_S)
        except JobStopped:
            return Outcome(outcome.job, "overtaken")
        except UNAVAILABLE:
            raise
        except SQLAlchemyError as error:
            if outcome.status != JobStatus.COMPLETED:
                raise
            log.exception("the result of job %s cannot be stored", outcome.job.id)
            return self._fail(outcome.job, describe(error, "internal"))
        return outcome


def describe(error: Exception, reason: str) -> Json:
    """Return an error for the job's row and the backend: one line, no secrets of ours."""
    own = isinstance(
        error, BadInput | DownloadFailed | FaultyOutput | ModelUnavailable | StorageFull
    )
    detail = first_line(error) if own else _SAID.get(type(error), type(error).__name__)
    return {"title": type(error).__name__, "detail": detail.replace("\0", ""), "reason": reason}


_SAID: Mapping[type[BaseException], str] = {
    StorageUnavailable: "the object storage did not answer",
    Corrupted: "an object was damaged on its way; it is read again",
    **dict.fromkeys(UNAVAILABLE, "the database did not answer"),
    MemoryError: "out of memory",
}
