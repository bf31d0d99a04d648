"""Which uploads a job names: they have to be its client's, and stay while it lives."""

import json
import re
from collections.abc import Sequence
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from serving.db.status import LIVE_JOB
from serving.db.tables import Job, Json, Upload, UploadUse
from serving.errors import ObjectNotFound
from serving.storage.uploads import key_of_upload

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def claim_uploads(
    connection: Connection, client: str, said: Json, job_id: UUID | None = None
) -> None:
    """Note that uploads are used now, and by which job.

    Parameters
    ----------
    said : what the client asks for; every id in it counts, in whatever way its key is written

    Raises
    ------
    ObjectNotFound
        One of them is another client's, or has not wholly arrived.
    """
    ids = {UUID(found) for found in _ID.findall(unquote(json.dumps(said)))}
    if not ids:
        return
    rows = connection.execute(
        select(Upload.id, Upload.client, Upload.ready).where(Upload.id.in_(ids))
    ).all()
    for row in rows:
        if row.client != client or not row.ready:
            raise ObjectNotFound(key_of_upload(row.id))
    known = [row.id for row in rows]
    if not known:
        return
    used = update(Upload).where(Upload.id.in_(known)).values(used_at=func.now())
    held = set(connection.scalars(used.returning(Upload.id)))
    for upload_id in known:
        if upload_id not in held:  # deleted since it was looked at
            raise ObjectNotFound(key_of_upload(upload_id))
    if job_id is not None:
        uses = [{"upload_id": upload_id, "job_id": job_id} for upload_id in known]
        connection.execute(insert(UploadUse).values(uses).on_conflict_do_nothing())


def may_name_uploads(references: Sequence[str]) -> bool:
    """Say whether any of them may be an upload's key; most requests need not ask the database."""
    return _ID.search(unquote(json.dumps(references))) is not None


def mark_uploads_used(engine: Engine, client: str, references: Sequence[str]) -> None:
    """Do what `claim_uploads` does for what is read at once."""
    with engine.begin() as connection:
        claim_uploads(connection, client, {"references": list(references)})


def live_job_using(engine: Engine, upload_id: UUID) -> UUID | None:
    """Return a job that has not ended and names the upload."""
    needing = (
        select(UploadUse.job_id)
        .join(Job, Job.id == UploadUse.job_id)
        .where(UploadUse.upload_id == upload_id, Job.status.in_(LIVE_JOB))
        .limit(1)
    )
    with engine.connect() as connection:
        return connection.scalar(needing)
