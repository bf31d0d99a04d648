"""Batches that say for each listing what is asked of its photos: `batches/FOLDER/{day}.json`."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, Field, model_validator

import serving
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.files import ListingId, check_listings, read_file, without_twins
from serving.jobs.kinds import Kind
from serving.requests.base import StrictModel
from serving.storage.interface import Storage
from serving.storage.prefixes import BATCHES

_MOST_PHOTOS = 300  # of a listing: one job holds them all


class AskedListing(StrictModel):
    """A listing, and what is asked of its photos; the field that says so is the batch's own."""

    listing_id: ListingId

    @property
    @abstractmethod
    def work(self) -> BaseModel:
        """What is asked, in the words of a request."""

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The photos that are read for it."""

    @model_validator(mode="after")
    def _check_count(self) -> Self:
        if len(self.names) > _MOST_PHOTOS:
            raise ValueError(f"a listing has at most {_MOST_PHOTOS} photos")
        return self


Listing = TypeVar("Listing", bound=AskedListing)


class AskedFile(StrictModel, Generic[Listing]):
    """The listings of a day."""

    listings: list[Listing] = Field(min_length=1, max_length=10_000)


@dataclass(frozen=True)
class AskedListings(Generic[Listing]):
    """A kind of batch: a job for each listing.

    Attributes
    ----------
    name : of the folder, and the beginning of the jobs' keys
    kind : of the jobs
    listing : how the file speaks of one
    """

    name: str
    kind: Kind
    listing: type[Listing]

    @property
    def folder(self) -> str:
        """Where the files of the days lie."""
        return f"{BATCHES}/{self.name}"

    def read(
        self, storage: Storage, partition: str, versions: Mapping[str, str], retake: int = 0
    ) -> list[BulkJob]:
        """Return the jobs that the file of a day asks for, one for each listing.

        Their keys name partition, photos, what is asked for, this release and the versions of
        models: after a change of one of them the same day is made anew, before it nothing is.

        Raises
        ------
        BadInput
            If there is no such file, or anything in it can never work; it says what and where.
        """
        key = f"{self.folder}/{partition}.json"
        batch = read_file(storage, key, AskedFile[self.listing])  # type: ignore[name-defined]
        check_listings(key, [(one.listing_id, one.names) for one in batch.listings])
        place = f"{partition}/{retake}" if retake else partition
        return without_twins(key, (self._job(one, place, versions) for one in batch.listings))

    def _job(self, one: Listing, place: str, versions: Mapping[str, str]) -> BulkJob:
        work = one.work.model_dump(mode="json", exclude_unset=True)
        facts = json.dumps([one.listing_id, work, serving.__version__, versions], sort_keys=True)
        digest = hashlib.sha256(facts.encode()).hexdigest()[:32]
        return BulkJob(self.kind, work, one.listing_id, f"{self.name}/{place}/{digest}")
