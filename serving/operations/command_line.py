"""What operators do by hand: `python -m serving.operations --help`.

Ids come as the tables show them. Nothing here needs a running gateway or worker, only the database,
and for clips the storage.
"""

import argparse
import sys
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, select

from serving.db.engine import open_engine
from serving.db.status import LIVE_DELIVERY, DeliveryStatus, JobStatus
from serving.db.tables import Job, WebhookDelivery
from serving.environment import read_settings
from serving.errors import BadInput
from serving.jobs import manage, outbox
from serving.jobs.kinds import KINDS
from serving.jobs.liveness import SilenceLimits
from serving.jobs.queue_stats import read_queue_stats
from serving.operations import clips, erasure
from serving.operations.tables import apply_to_each, format_age, format_table
from serving.settings import Settings


def list_jobs(engine: Engine, wanted: manage.Filter, limit: int) -> str:
    """Return the newest jobs as a table."""
    heads = ("job", "type", "status", "attempt", "client", "listing", "created", "error")
    return format_table(
        heads,
        (
            (job.id, job.type, job.status, job.attempt, job.client, job.listing_id or "",
             format_age(job.created_at), _reason(job))
            for job in manage.list_jobs(engine, wanted, limit).jobs
        ),
    )  # fmt: skip


def failed_jobs(engine: Engine, reason: str | None = None) -> Sequence[UUID]:
    """Return the ids of all failed jobs, oldest first; of those with this `error.reason` only."""
    where: list[ColumnElement[bool]] = [Job.status == JobStatus.FAILED]
    if reason is not None:
        where.append(Job.error["reason"].astext == reason)
    with engine.connect() as connection:
        return connection.scalars(select(Job.id).where(*where).order_by(Job.completed_at)).all()


def list_deliveries(engine: Engine, dead: bool, limit: int) -> str:
    """Return the newest callbacks that are owed, or those given up, as a table."""
    statuses = (DeliveryStatus.DEAD,) if dead else LIVE_DELIVERY
    heads = ("delivery", "event", "status", "tries", "next", "last answer")
    columns = (
        WebhookDelivery.id,
        WebhookDelivery.event,
        WebhookDelivery.status,
        WebhookDelivery.attempt,
        WebhookDelivery.run_at,
        WebhookDelivery.last_error,
    )
    statement = select(*columns).where(WebhookDelivery.status.in_(statuses))
    with engine.connect() as connection:
        rows = connection.execute(
            statement.order_by(WebhookDelivery.created_at.desc()).limit(limit)
        ).all()
    return format_table(
        heads,
        ((*row[:4], "" if dead else format_age(row.run_at), row.last_error or "") for row in rows),
    )


def dead_deliveries(engine: Engine) -> Sequence[str]:
    """Return the ids of all callbacks that were given up, oldest first."""
    statement = select(WebhookDelivery.id).where(WebhookDelivery.status == DeliveryStatus.DEAD)
    with engine.connect() as connection:
        return connection.scalars(statement.order_by(WebhookDelivery.created_at)).all()


def replay(engine: Engine, delivery_id: str) -> str:
    """Owe a callback anew; BadInput if it is owed already, or there is none."""
    with engine.begin() as connection:
        if not outbox.replay(connection, delivery_id):
            raise BadInput(f"there is no delivery '{delivery_id}' that has ended")
    return "will be sent again"


def list_queues(engine: Engine) -> str:
    """Return what each queue holds as a table."""
    stats = read_queue_stats(engine)
    rows = (
        (queue.name, queue.waiting, queue.scheduled, queue.running, f"{queue.oldest_s:.0f} s")
        for queue in stats.queues
    )
    table = format_table(("queue", "waiting", "scheduled", "running", "oldest waits"), rows)
    return f"{table}\n\n{stats.failed_jobs} failed jobs, {stats.dead_deliveries} dead letters"


def list_workers(engine: Engine, silence_limits: SilenceLimits) -> str:
    """Return the workers' processes as a table."""
    rows = (
        (worker.id, worker.host, worker.pid, format_age(worker.started_at),
         f"{worker.heartbeat_age_s:.1f} s ago",
         "yes" if worker.alive(silence_limits) else "no")
        for worker in read_queue_stats(engine).workers
    )  # fmt: skip
    return format_table(("worker", "host", "pid", "started", "heartbeat", "alive"), rows)


def _reason(job: Job) -> str:
    error = job.error or {}
    return f"{error.get('reason', '')}: {error.get('detail', '')}" if error else ""


def run(engine: Engine, settings: Settings, arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    match arguments.command:
        case "clips" | "pin" | "unpin" | "forget":
            return clips.run(engine, settings, arguments)
        case "erase" | "tidy":
            return erasure.run(engine, settings, arguments)
        case "redrive":
            ids = failed_jobs(engine, arguments.reason) if arguments.all_failed else arguments.ids
            return apply_to_each(ids, lambda job: manage.redrive(engine, _uuid(job)).status)
        case "cancel":
            return apply_to_each(arguments.ids, lambda job: _cancel(engine, _uuid(job)))
        case "replay":
            ids = dead_deliveries(engine) if arguments.all_dead else arguments.ids
            return apply_to_each(ids, lambda delivery: replay(engine, str(delivery)))
    print(_show(engine, settings, arguments))
    return 0


def _show(engine: Engine, settings: Settings, arguments: argparse.Namespace) -> str:
    match arguments.command:
        case "jobs":
            wanted = manage.Filter(
                arguments.client, arguments.status, arguments.type, arguments.listing
            )
            return list_jobs(engine, wanted, arguments.limit)
        case "deliveries":
            return list_deliveries(engine, arguments.dead, arguments.limit)
        case "queues":
            return list_queues(engine)
    return list_workers(engine, SilenceLimits.of(settings))


def _cancel(engine: Engine, job_id: UUID) -> str:
    job = manage.cancel(engine, job_id)
    return "its worker was asked to stop" if job.status == JobStatus.PROCESSING else job.status


def _uuid(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise BadInput("this is not the id of a job") from None


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="serving.operations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    jobs = commands.add_parser("jobs", help="list the newest jobs")
    jobs.add_argument("--status", choices=list(JobStatus))
    jobs.add_argument("--type", choices=sorted(KINDS))
    jobs.add_argument("--client")
    jobs.add_argument("--listing")
    redrive = commands.add_parser("redrive", help="run failed jobs again, from what they made")
    _add_ids(redrive, "--all-failed")
    redrive.add_argument("--reason", help="with --all-failed: transient, worker_lost, internal …")
    cancel = commands.add_parser("cancel", help="cancel jobs, waiting or running")
    cancel.add_argument("ids", nargs="+", metavar="ID")
    deliveries = commands.add_parser("deliveries", help="list callbacks that are owed")
    deliveries.add_argument("--dead", action="store_true", help="those that were given up")
    clips = commands.add_parser("clips", help="show what is kept of films, by photo")
    for listing in (jobs, deliveries, clips):
        listing.add_argument("--limit", type=int, default=50, help="rows; default: %(default)s")
    _add_ids(commands.add_parser("replay", help="send callbacks again"), "--all-dead")
    erase = commands.add_parser("erase", help="forget a listing: its jobs, films, uploads, …")
    erase.add_argument("listing")
    erase.add_argument("--client", required=True, help="whose listing it is")
    tidy = commands.add_parser("tidy", help="remove what is older than the settings keep it")
    tidy.add_argument("--seconds", type=float, default=60, help="at most; default: %(default)s")
    commands.add_parser("queues", help="show what waits, and since when")
    commands.add_parser("workers", help="show who works")
    for name, what in (
        ("pin", "keep photos' clips whatever their age"),
        ("unpin", "let them go again"),
        ("forget", "forget photos' clips"),
    ):
        change = commands.add_parser(name, help=what)
        change.add_argument("ids", nargs="+", metavar="PHOTO", help="its key, or its SHA-256")
    return parser


def _add_ids(command: argparse.ArgumentParser, everything: str) -> None:
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="ID")
    which.add_argument(everything, action="store_true")


def main() -> None:
    """Run the command line."""
    arguments, settings = parser().parse_args(), read_settings()
    engine = open_engine(settings)
    try:
        code = run(engine, settings, arguments)
    finally:
        engine.dispose()
    sys.exit(code)


if __name__ == "__main__":
    main()
