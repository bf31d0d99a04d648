"""Which photos of which listings a day's batch makes better: `batches/enhancement/{day}.json`."""

import hashlib
import json
from collections.abc import Mapping

from pydantic import Field, field_validator

import serving
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.files import ListingId, read_file, without_twins
from dagster_project.defs.listings.manifest import check_listings
from serving.jobs.kinds import KINDS
from serving.photos.quality.task import PHOTO_QUALITY
from serving.requests.base import StrictModel
from serving.requests.photos import EnhanceInput
from serving.storage.interface import Storage
from serving.storage.prefixes import BATCHES

ENHANCEMENT = f"{BATCHES}/enhancement"
ASKED = (PHOTO_QUALITY.name,)
_MOST_PHOTOS = 300  # of a listing: one job holds them all


class ListingEnhancement(StrictModel):
    """The photos of a listing, and how they are made better."""

    listing_id: ListingId
    enhance: EnhanceInput

    @field_validator("enhance")
    @classmethod
    def _check_count(cls, asked: EnhanceInput) -> EnhanceInput:
        if len(asked.photos) > _MOST_PHOTOS:
            raise ValueError(f"a listing has at most {_MOST_PHOTOS} photos")
        return asked


class EnhancementBatch(StrictModel):
    """The listings of a day."""

    listings: list[ListingEnhancement] = Field(min_length=1, max_length=10_000)


def read_enhancement(
    storage: Storage, partition: str, versions: Mapping[str, str], retake: int = 0
) -> list[BulkJob]:
    """Return the jobs that `batches/enhancement/{partition}.json` asks for, one for each listing.

    Their keys name partition, photos, what is asked for, this release and the version that judges:
    after a change of one of them the same day is made anew, before it nothing is.

    Raises
    ------
    BadInput
        If there is no such file, or anything in it can never work; it says what and where.
    """
    key = f"{ENHANCEMENT}/{partition}.json"
    batch = read_file(storage, key, EnhancementBatch)
    check_listings(key, [(one.listing_id, names_of(one.enhance)) for one in batch.listings])
    place = f"{partition}/{retake}" if retake else partition
    return without_twins(key, (_job(one, place, versions) for one in batch.listings))


def names_of(asked: EnhanceInput) -> list[str]:
    """Return what is read for it: every photo, and the other exposures of a view."""
    names: list[str] = []
    for photo in asked.photos:
        names += [photo] if isinstance(photo, str) else [photo.photo, *photo.brackets]
    return names


def _job(one: ListingEnhancement, place: str, versions: Mapping[str, str]) -> BulkJob:
    work = one.enhance.model_dump(mode="json", exclude_unset=True)
    facts = json.dumps([one.listing_id, work, serving.__version__, versions], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
    return BulkJob(KINDS["enhance_photos"], work, one.listing_id, f"enhancement/{place}/{digest}")
