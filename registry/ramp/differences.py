"""Photos on which a version and its champion disagree, with their kept pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Engine, Row, and_, or_, select, true
from sqlalchemy.orm import aliased

from serving.db.canary_tables import Feedback, KeptPhoto, Prediction
from serving.db.tables import Json
from serving.errors import ObjectNotFound
from serving.image.opening import decode
from serving.photos.fingerprint import ALIKE, Fingerprint, likeness, take_fingerprint
from serving.storage.interface import Storage

_CANDIDATES = 400
_OF_A_LISTING = 2
_PICTURE_PIXELS = 1 << 22  # a kept picture is as large as a model's input
_RECOLOURED = 12.0  # levels of mean chroma from which a picture says something else, by its colour
_UNLIKE = 0.3  # answers with the same best class that lie further apart are shown too


@dataclass(frozen=True)
class Difference:
    """A photo that two versions answer differently.

    Attributes
    ----------
    picture : WebP, small
    object_key : under which it is kept
    said : by a person, if one has spoken; None: nobody has
    distance : of both answers, 0..1
    """

    picture: bytes
    object_key: str
    group: str
    champion: Json
    challenger: Json
    said: str | None
    distance: float


def read_differences(
    engine: Engine, storage: Storage, task: str, version: str, first: str | None, most: int = 24
) -> list[Difference]:
    """Return kept pictures of photos on which the versions differ.

    Parameters
    ----------
    first : the group whose photos come first; then those that lie furthest apart
    most : of them, two of a listing at most and each view once, whoever has it in a listing
    """
    found: list[Difference] = []
    views: list[Fingerprint] = []
    of_listing: dict[str, int] = {}
    seen: set[str] = set()
    for row in _read_rows(engine, task, version, first):
        if len(found) == most:
            break
        if of_listing.get(row.listing_key, 0) == _OF_A_LISTING or row.content_sha256 in seen:
            continue
        try:
            picture = storage.read(row.object_key)
        except ObjectNotFound:  # it goes by its age
            continue
        seen.add(row.content_sha256)
        view = take_fingerprint(decode(picture, _PICTURE_PIXELS))
        if any(_shows_the_same(view, shown) for shown in views):
            continue
        views.append(view)
        of_listing[row.listing_key] = of_listing.get(row.listing_key, 0) + 1
        said = row.correct or (None if row.accepted is None else _say(row.accepted))
        found.append(
            Difference(
                picture,
                row.object_key,
                row.label_group or "",
                row.champion,
                row.challenger,
                said,
                row.distance or 0.0,
            )
        )
    return found


def _shows_the_same(one: Fingerprint, other: Fingerprint) -> bool:
    apart = np.abs(one.chroma.astype(np.float32) - other.chroma).mean()
    return bool(apart < _RECOLOURED) and likeness(one, other) >= ALIKE


def _say(accepted: bool) -> str:
    return "right as it was" if accepted else "not right"


def _read_rows(engine: Engine, task: str, version: str, first: str | None) -> Sequence[Row[Any]]:
    ours, champions = aliased(Prediction), aliased(Prediction)
    said = (
        select(Feedback.correct, Feedback.accepted)
        .where(Feedback.task == task, Feedback.content_sha256 == ours.content_sha256)
        .order_by(Feedback.id.desc())
        .limit(1)
        .lateral()
    )
    kept = (
        select(KeptPhoto.object_key)
        .where(KeptPhoto.content_sha256 == ours.content_sha256)
        # of the same listing: another that shows the photo may be kept for longer
        .where(KeptPhoto.client == ours.client, KeptPhoto.listing_key == ours.listing_key)
        .limit(1)
        .lateral()
    )
    differ: ColumnElement[bool] = or_(ours.agrees.is_(False), ours.distance > _UNLIKE)
    pairs = (
        select(
            ours.content_sha256,
            ours.listing_key,
            ours.label_group,
            ours.distance,
            ours.answer.label("challenger"),
            champions.answer.label("champion"),
            kept.c.object_key,
            said.c.correct,
            said.c.accepted,
        )
        .join(champions, _is_pair(ours, champions))
        .join(kept, true())
        .join(said, true(), isouter=True)
        .where(ours.task == task, ours.version == version, differ)
        .order_by((ours.label_group == first).desc().nulls_last(), ours.distance.desc(), ours.id)
        .limit(_CANDIDATES)
    )
    with engine.connect() as connection:
        return connection.execute(pairs).all()


def _is_pair(ours: Any, other: Any) -> ColumnElement[bool]:  # noqa: ANN401 - aliases
    # the contents are told by an index, of pairs there is none
    return and_(
        other.pair_id == ours.pair_id,
        other.content_sha256 == ours.content_sha256,
        other.task == ours.task,
        other.version != ours.version,
    )
