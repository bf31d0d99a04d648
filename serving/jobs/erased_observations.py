"""Forgets what was observed of a listing: answers, bad events, feedback and small pictures.

A photo may belong to two listings, and two clients may call a listing the same: what is of another
listing or client stays, and a line that names nobody goes with the last answer that it is about.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, select

from serving.db.canary_tables import (
    BadEvent,
    Exposure,
    Feedback,
    KeptPhoto,
    Prediction,
    RampListing,
)
from serving.db.locks import OBSERVATIONS
from serving.jobs.removal import Removed
from serving.storage.kept_photos import KeptPhotos

_HASHES_AT_ONCE = 500


@dataclass(frozen=True)
class Forgotten:
    """Whose observations go.

    Attributes
    ----------
    requested_at : what was observed later stays
    """

    client: str
    listing_id: str | None
    job_id: UUID | None
    requested_at: datetime

    def answers(self) -> tuple[ColumnElement[bool], ...]:
        """Return which answers are of the listing, or of the job."""
        mine = (Prediction.client == self.client, Prediction.at <= self.requested_at)
        if self.listing_id is None:
            return (*mine, Prediction.job_id == self.job_id)
        # by the key as well: it is what the index has
        key = Prediction.listing_key == self.listing_id
        return (*mine, key, Prediction.listing_id == self.listing_id)

    def photos(self, hashes: Collection[str]) -> Iterator[Sequence[str]]:
        """Yield the hashes in parts that a statement can name."""
        ordered = sorted(hashes)
        for start in range(0, len(ordered), _HASHES_AT_ONCE):
            yield ordered[start : start + _HASHES_AT_ONCE]


def wait_for_writers(connection: Connection) -> None:
    """Wait until observations that are being written now are, until the end of the transaction.

    Those who begin later know of the erasure that this transaction adds.
    """
    connection.execute(select(func.pg_advisory_xact_lock(OBSERVATIONS)))


def observed_photos(engine: Engine, gone: Forgotten) -> set[str]:
    """Return the content hashes of the photos that models answered about."""
    found = select(Prediction.content_sha256).where(*gone.answers()).distinct()
    with engine.connect() as connection:
        return set(connection.scalars(found))


def forget_observed(engine: Engine, photos: KeptPhotos, gone: Forgotten) -> Removed:
    """Forget a listing's or a job's answers, and what follows from them."""
    removed = Removed()
    with engine.begin() as connection:
        answers = delete(Prediction).where(*gone.answers())
        removed.add("predictions", connection.execute(answers).rowcount)
        if gone.listing_id is not None:
            _forget_keys(connection, removed, [gone.listing_id])
            removed.add("feedback", _forget_feedback(connection, gone, None))
    if gone.listing_id is not None:
        mine = KeptPhoto.listing_id == gone.listing_id
        removed.add("kept_photos", _remove_pictures(photos, gone, mine))
    return removed


def forget_photos(
    engine: Engine, photos: KeptPhotos, gone: Forgotten, hashes: Collection[str]
) -> Removed:
    """Forget what the client had answered about these photos without saying of which listing."""
    removed = Removed()
    for some in gone.photos(hashes):
        with engine.begin() as connection:
            loose = delete(Prediction).where(
                Prediction.client == gone.client,
                Prediction.at <= gone.requested_at,
                Prediction.listing_id.is_(None),
                Prediction.content_sha256.in_(some),
            )
            removed.add("predictions", connection.execute(loose).rowcount)
            _forget_keys(connection, removed, [f"sha256:{sha256}" for sha256 in some])
            removed.add("feedback", _forget_feedback(connection, gone, some))
        loose_ones = KeptPhoto.listing_id.is_(None) & KeptPhoto.content_sha256.in_(some)
        removed.add("kept_photos", _remove_pictures(photos, gone, loose_ones))
    return removed


def _forget_keys(connection: Connection, removed: Removed, keys: Sequence[str]) -> None:
    """Forget what names a listing alone, where nobody's answer about it is left."""
    left = exists().where(Prediction.listing_key.in_(keys))
    for table, what in (
        (Exposure, "exposures"),
        (BadEvent, "bad_events"),
        (RampListing, "ramp_listings"),
    ):
        still = left.where(
            Prediction.listing_key == table.listing_key, Prediction.task == table.task
        )
        statement = delete(table).where(table.listing_key.in_(keys), ~still)
        removed.add(what, connection.execute(statement).rowcount)


def _forget_feedback(connection: Connection, gone: Forgotten, hashes: Sequence[str] | None) -> int:
    where = [Feedback.client == gone.client, Feedback.at <= gone.requested_at]
    if hashes is None:
        where.append(Feedback.listing_id == gone.listing_id)
    else:
        where += [Feedback.listing_id.is_(None), Feedback.content_sha256.in_(hashes)]
    return connection.execute(delete(Feedback).where(*where)).rowcount


def _remove_pictures(photos: KeptPhotos, gone: Forgotten, which: ColumnElement[bool]) -> int:
    count = 0
    where = (KeptPhoto.client == gone.client) & (KeptPhoto.at <= gone.requested_at) & which
    while some := photos.remove(where):
        count += some
    return count
