"""Runs an attempt and reports it: in the log, in its request's trace, in the metrics."""

import logging
import time
from collections.abc import Callable

from opentelemetry.trace import Span

from serving import logs, metrics, traces
from serving.db.status import JobStatus
from serving.db.tables import Job
from serving.workflows.runner import Outcome

log = logging.getLogger(__name__)

_WELL = (JobStatus.COMPLETED, JobStatus.CANCELLED, "handed_back", "overtaken")


def run_observed(job: Job, run: Callable[[], Outcome]) -> Outcome:
    """Run the attempt and tell how it ended; whatever is logged meanwhile names the job."""
    # both by the database's clock: it was written when this attempt began
    waited_s = (job.updated_at - job.run_at).total_seconds()
    metrics.JOB_WAIT.labels(job.queue).observe(max(0.0, waited_s))
    ids: dict[str, str | int] = {
        "job_id": str(job.id),
        "attempt": job.attempt,
        "client": job.client,
    }
    if job.listing_id:
        ids["listing_id"] = job.listing_id
    with (
        logs.bound(**ids),
        traces.span(f"job {job.type}", job.traceparent, traces.SpanKind.CONSUMER, **ids) as span,
        metrics.JOBS_IN_FLIGHT.labels(job.queue).track_inprogress(),
    ):
        started = time.perf_counter()
        outcome = run()
        _report(outcome, time.perf_counter() - started, span)
        return outcome


def _report(outcome: Outcome, took_s: float, span: Span) -> None:
    job, error = outcome.job, outcome.error or {}
    metrics.JOBS.labels(job.type, outcome.status).observe(took_s)
    span.set_attribute("job.outcome", outcome.status)
    fields = {"type": job.type, "outcome": outcome.status, "took_s": round(took_s, 3)}
    if outcome.status in _WELL:
        log.info("attempt ended", extra=fields)
        return
    title, reason = error.get("title", "?"), error.get("reason", "?")
    retried = "yes" if outcome.status == "retried" else "no"
    metrics.JOB_ERRORS.labels(job.type, reason, title, retried).inc()
    traces.mark_failed(span, title)
    fields |= {"error": title, "reason": reason, "detail": error.get("detail")}
    log.warning("attempt ended", extra=fields)
