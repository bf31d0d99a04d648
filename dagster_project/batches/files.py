"""A day's batch as a file of the object storage: read, checked, and each job asked for once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from dagster_project.batches.bulk import BulkJob
from serving.errors import BadInput, TooLarge
from serving.requests.base import StrictModel
from serving.storage.interface import Storage

_MAX_BYTES = 64 * 2**20
_TOLD = 10
_MOST_JOBS = 50_000
_MOST_PHOTOS = 200_000

ListingId = Annotated[str, Field(min_length=1, max_length=200)]
Batch = TypeVar("Batch", bound=StrictModel)


def read_file(storage: Storage, key: str, kind: type[Batch]) -> Batch:
    """Return what a batch's file asks for.

    Raises
    ------
    BadInput
        If anything in it can never work; it says what and where. ObjectNotFound if there is none.
    """
    data = storage.read(key, _MAX_BYTES)
    if b"\\u0000" in data:
        raise BadInput(f"{key}: a text holds the character NUL, which no database keeps")
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        raise BadInput(f"{key}: {'; '.join(faults[:_TOLD])}{more}") from error


def without_twins(key: str, spec: Iterable[BulkJob]) -> list[BulkJob]:
    """Return the jobs as a list.

    Raises
    ------
    BadInput
        If one is asked for twice, or there are too many.
    """
    jobs: dict[str, BulkJob] = {}
    for job in spec:
        if job.idempotency_key in jobs:
            raise BadInput(
                f"{key}: listing {job.listing_id} asks for the same {job.kind.noun} twice"
            )
        jobs[job.idempotency_key] = job
        if len(jobs) > _MOST_JOBS:
            raise TooLarge(f"{key}: jobs", len(jobs), _MOST_JOBS)
    return list(jobs.values())


def check_listings(key: str, listings: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Judge what only the whole file shows: each listing once, each photo of it once, not too many.

    A listing asked for twice would be called back twice, with halves of its answer.

    Parameters
    ----------
    listings : the id of each, and the photos that it names

    Raises
    ------
    BadInput
        With what and where.
    """
    seen, photos = set[str](), 0
    for number, (listing_id, names) in enumerate(listings):
        place = f"{key}: listings.{number} (listing {listing_id})"
        if listing_id in seen:
            raise BadInput(f"{place}: this listing stands in the file twice")
        if twice := _first_twice(names):
            raise BadInput(f"{place}: the photo '{twice}' is named twice")
        seen.add(listing_id)
        photos += len(names)
    if photos > _MOST_PHOTOS:
        raise TooLarge(f"{key}: photos", photos, _MOST_PHOTOS)


def _first_twice(names: Sequence[str]) -> str | None:
    counts = Counter(names)
    return next((name for name in names if counts[name] > 1), None)
