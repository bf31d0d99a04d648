"""Pictures of rooms with a client's design kit: drawn after it changed, in no hurry."""

from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Engine

from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit

_PRIORITY = -10


class DrawKit(BaseModel):
    """The input of `draw_kit`."""

    kit: str
    kit_version: int


def draw_later(engine: Engine, client: str, kit_id: str, version: int) -> UUID:
    """Have the rooms of a version of a kit drawn, unless that was asked for before."""
    work = DrawKit(kit=kit_id, kit_version=version).model_dump()
    key = f"draw_kit/{kit_id}/{version}"
    new = NewJob(KINDS["draw_kit"], work, client, priority=_PRIORITY, idempotency_key=key)
    return submit(engine, new, None).job_id
