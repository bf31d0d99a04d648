"""What is known of the photos that a version answered: its answers, and the champion's."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, select

from serving.db.canary_tables import KeptPhoto, Prediction
from serving.db.tables import CachedAnswer, Json
from serving.errors import BadInput
from serving.jobs.recall import ListingRecall
from serving.models.local import ModelVersion
from serving.workflows.run import Run

_CONTENT = "sha256:"


@dataclass(frozen=True)
class Answered:
    """A photo that the version answered, and what it said last.

    Attributes
    ----------
    photo : the key or address that the caller named; None: it sent the bytes
    """

    content_sha256: str
    photo: str | None
    answer: Json
    pair_id: UUID | None

    @property
    def named(self) -> str:
        """Return what the caller knows it by, as in the result of a job."""
        return self.photo or f"{_CONTENT}{self.content_sha256}"

    def read(self, run: Run) -> bytes:
        """Return the photo's bytes; BadInput if they are gone or others lie in their place."""
        if self.photo is None or self.photo.startswith(_CONTENT):
            raise BadInput("the photo came in the request's body and was not stored")
        data = run.read(self.photo)
        if hashlib.sha256(data).hexdigest() != self.content_sha256:
            raise BadInput("another photo lies there now")
        return data


@dataclass(frozen=True)
class KnownAnswers:
    """What the champion said before, and the small pictures that are kept.

    Attributes
    ----------
    paired : the champion's answers by the pair that they belong to
    by_content : its answers about the same bytes at another time
    pictures : keys of the kept pictures, by content
    """

    paired: Mapping[UUID, Json]
    by_content: Mapping[str, Json]
    pictures: Mapping[str, str]


def read_answered(engine: Engine, wanted: ListingRecall, client: str) -> list[Answered]:
    """Return the listing's photos that the version answered, in the order of their first answer."""
    served = (
        select(Prediction.content_sha256, Prediction.photo, Prediction.answer, Prediction.pair_id)
        .where(
            Prediction.task == wanted.task,
            Prediction.listing_key == wanted.listing_key,
            Prediction.version == wanted.version,
            Prediction.role == "served",
            Prediction.client == client,
        )
        .order_by(Prediction.id)
    )
    latest: dict[tuple[str, str | None], Answered] = {}
    with engine.connect() as connection:
        for row in connection.execute(served):
            latest[row.content_sha256, row.photo] = Answered(**row._mapping)
    return list(latest.values())


def read_known(
    engine: Engine, task: str, champion: ModelVersion, answered: Sequence[Answered]
) -> KnownAnswers:
    """Return what need not be asked again of these photos."""
    contents = {photo.content_sha256 for photo in answered}
    said = (
        select(Prediction.pair_id, Prediction.content_sha256, Prediction.answer)
        .where(
            Prediction.content_sha256.in_(contents),
            Prediction.task == task,
            Prediction.version == champion.version,
        )
        .order_by(Prediction.id)
    )
    cached = select(CachedAnswer.content_sha256, CachedAnswer.answer).where(
        CachedAnswer.content_sha256.in_(contents),
        CachedAnswer.task == task,
        CachedAnswer.version == champion.identity,
    )
    kept = select(KeptPhoto.content_sha256, KeptPhoto.object_key).where(
        KeptPhoto.content_sha256.in_(contents)
    )
    with engine.connect() as connection:
        rows = connection.execute(said).all()
        by_content = {row.content_sha256: row.answer for row in connection.execute(cached)}
        pictures = {row.content_sha256: row.object_key for row in connection.execute(kept)}
    paired = {row.pair_id: row.answer for row in rows if row.pair_id}
    return KnownAnswers(
        paired, by_content | {row.content_sha256: row.answer for row in rows}, pictures
    )
