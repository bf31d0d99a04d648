"""Which photos of which listings a day's batch asks about: `batches/listings/{day}.json`.

`batches/analyses/{day}.json` is of the same form, and has them analysed instead of classified.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.files import ListingId, check_listings, read_file, without_twins
from serving.jobs.kinds import KINDS
from serving.models.routing import CHAMPION
from serving.models.slots import Slots
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.requests.base import NO_NUL, StrictModel
from serving.requests.photos import ClassifyInput
from serving.storage.interface import Storage
from serving.storage.prefixes import BATCHES

LISTINGS, ANALYSES = f"{BATCHES}/listings", f"{BATCHES}/analyses"
ASKED = (ROOM_CLASSIFIER.name, PHOTO_QUALITY.name)
_JOB_OF = {LISTINGS: "classify_photos", ANALYSES: "analyze_photos"}
_NONE = "none"

Photo = Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]


class ListingPhotos(StrictModel):
    """The photos of a listing, keys or URLs."""

    listing_id: ListingId
    photos: list[Photo] = Field(min_length=1, max_length=300)


class ListingBatch(StrictModel):
    """The listings of a day."""

    listings: list[ListingPhotos] = Field(min_length=1, max_length=10_000)


def champions(slots: Slots, tasks: Sequence[str] = ASKED) -> dict[str, str]:
    """Return which version of each task that is asked answers now, by its identity."""
    return {task: row.identity if (row := slots.get((task, CHAMPION))) else _NONE for task in tasks}


def read_listings(
    storage: Storage,
    partition: str,
    versions: Mapping[str, str],
    retake: int = 0,
    folder: str = LISTINGS,
) -> list[BulkJob]:
    """Return the jobs that the file of a day asks for, one for each listing.

    Their keys name partition, photos and the versions that answer: after a promotion the same day
    is done anew, before it nothing is.

    Parameters
    ----------
    folder : `LISTINGS` to classify photos, `ANALYSES` to analyse them

    Raises
    ------
    BadInput
        If there is no such file, or anything in it can never work; it says what and where.
    """
    key = f"{folder}/{partition}.json"
    batch = read_file(storage, key, ListingBatch)
    check_listings(key, [(spec.listing_id, spec.photos) for spec in batch.listings])
    place = f"{partition}/{retake}" if retake else partition
    return without_twins(key, (_job(spec, folder, place, versions) for spec in batch.listings))


def _job(spec: ListingPhotos, folder: str, place: str, versions: Mapping[str, str]) -> BulkJob:
    work = ClassifyInput(photos=spec.photos).model_dump(mode="json")
    facts = json.dumps([spec.listing_id, work, versions], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
    named = folder.removeprefix(f"{BATCHES}/")
    return BulkJob(KINDS[_JOB_OF[folder]], work, spec.listing_id, f"{named}/{place}/{digest}")
