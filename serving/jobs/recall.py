"""Recall: what a version answered before it was taken back is answered again by the champion.

`recall_within` belongs into the transaction that takes the version back, wherever that happens. It
submits jobs that list the version's listings (`recall_version`), and each of those submits a job
for every listing (`recall_listing`): `serving.workflows.recall` carries both out.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Engine, String, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from serving.db.canary_tables import Prediction
from serving.db.engine import database_time
from serving.db.tables import Job
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit_within

CLIENT = "listing-studio"
_PRIORITY = -10
# Answers are observed some time after they were given: a request is under way, a gateway has yet to
# hear of it, or could not write for a while. What comes late is found by looking again.
LOOKS_AFTER_S = (0.0, 15.0, 120.0, 1800.0)


class VersionRecall(BaseModel):
    """The input of `recall_version`."""

    task: str
    version: str


class ListingRecall(BaseModel):
    """The input of `recall_listing`: its version's answers to a client about one listing.

    Attributes
    ----------
    listing_key : the listing, or `sha256:` and the content of a photo that has none
    """

    task: str
    version: str
    listing_key: str


def recall(engine: Engine, task: str, version: str) -> list[UUID]:
    """Have all answers of a version answered again; return the jobs that list its listings."""
    with engine.begin() as connection:
        return recall_within(connection, task, version)


def recall_within(connection: Connection, task: str, version: str) -> list[UUID]:
    """Have all answers of a version answered again, if the transaction is committed.

    Asking again changes nothing, until the version has answered more.
    """
    newest = connection.scalar(select(func.max(Prediction.id)).where(*_answers_of(task, version)))
    key = f"recall/{task}/{version}/{newest or 0}"
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    keys = [f"{key}/{look}" for look in range(len(LOOKS_AFTER_S))]
    known = select(Job.id).where(Job.client == CLIENT, Job.idempotency_key.in_(keys))
    found = list(connection.scalars(known.order_by(Job.idempotency_key)))
    if found:
        return found
    new = NewJob(
        KINDS["recall_version"],
        VersionRecall(task=task, version=version).model_dump(),
        CLIENT,
        priority=_PRIORITY,
    )
    now = database_time(connection)
    looks = zip(keys, LOOKS_AFTER_S, strict=True)
    due = [(key, now + timedelta(seconds=after_s) if after_s else None) for key, after_s in looks]
    return [
        submit_within(connection, replace(new, idempotency_key=key, run_at=at), None).job_id
        for key, at in due
    ]


def jobs_of_listings(connection: Connection, wanted: VersionRecall) -> Iterator[NewJob]:
    """Yield a job for each client's listing that the version answered, the latest first.

    The job is the same as long as the answers are: one that was submitted is not done again.
    """
    ids = aggregate_order_by(literal(","), Prediction.id)
    listings = (
        select(
            Prediction.client,
            Prediction.listing_key,
            func.max(Prediction.listing_id).label("listing_id"),
            func.md5(func.string_agg(cast(Prediction.id, String), ids)).label("answers"),
        )
        .where(*_answers_of(wanted.task, wanted.version))
        .group_by(Prediction.client, Prediction.listing_key)
        .order_by(func.max(Prediction.at).desc())
    )
    for row in connection.execute(listings).all():
        yield NewJob(
            KINDS["recall_listing"],
            ListingRecall(**wanted.model_dump(), listing_key=row.listing_key).model_dump(),
            row.client,
            row.listing_id,
            _PRIORITY,
            f"recall/{wanted.task}/{wanted.version}/{row.answers}",
        )


def _answers_of(task: str, version: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Prediction.task == task,
        Prediction.version == version,
        Prediction.role == "served",
    )
