"""What a day's batch asks for: a file of the object storage, checked before anything is started."""

import hashlib
import json
from collections.abc import Iterator, Sequence

from pydantic import Field

import serving
from dagster_project.batches.bulk import BulkJob
from dagster_project.batches.files import ListingId, read_file, without_twins
from serving.db.tables import Json
from serving.errors import BadInput
from serving.jobs.kinds import KINDS
from serving.requests.base import StrictModel
from serving.requests.clip import ClipInput
from serving.requests.film import FilmInput, PhotoSpec
from serving.requests.format import Format
from serving.requests.timeline import TimelineSpec
from serving.storage.interface import Storage
from serving.storage.prefixes import BATCHES

FILMS, CLIPS = f"{BATCHES}/films", f"{BATCHES}/clips"


class ListingFilm(StrictModel):
    """A film of a listing."""

    listing_id: ListingId
    film: FilmInput


class FilmBatch(StrictModel):
    """The films of a day."""

    films: list[ListingFilm] = Field(min_length=1, max_length=10_000)


class ListingClips(StrictModel):
    """Photos of a listing whose clips are to be there before somebody asks for them."""

    listing_id: ListingId
    photos: list[PhotoSpec] = Field(min_length=1, max_length=300)
    template: str | Json = "calm"
    length_s: float = Field(4.0, ge=0.5, le=30)
    formats: list[Format] = Field(default_factory=lambda: [Format()], min_length=1, max_length=8)


class ClipBatch(StrictModel):
    """The clips of a day."""

    listings: list[ListingClips] = Field(min_length=1, max_length=10_000)


def read_films(storage: Storage, partition: str, retake: int = 0) -> list[BulkJob]:
    """Return the jobs that `batches/films/{partition}.json` asks for.

    Raises
    ------
    BadInput
        If there is no such file, or anything in it can never work; it says what and where.
    """
    key = f"{FILMS}/{partition}.json"
    batch = read_file(storage, key, FilmBatch)
    place = f"{partition}/{retake}" if retake else partition
    return without_twins(key, (_film_job(spec, place) for spec in _checked(key, batch.films)))


def read_clips(storage: Storage, partition: str, retake: int = 0) -> list[BulkJob]:
    """Return the jobs that `batches/clips/{partition}.json` asks for; as `read_films`."""
    key = f"{CLIPS}/{partition}.json"
    batch = read_file(storage, key, ClipBatch)
    place = f"{partition}/{retake}" if retake else partition
    return without_twins(
        key, (job for spec in batch.listings for job in _clip_jobs(key, spec, place))
    )


def _checked(key: str, films: Sequence[ListingFilm]) -> Iterator[ListingFilm]:
    for number, spec in enumerate(films):
        place = f"{key}: films.{number} (listing {spec.listing_id})"
        _check(place, spec.film.template, spec.film.timeline)
        yield spec


def _check(place: str, template: str | Json, timeline: TimelineSpec | None = None) -> None:
    from serving.render.check_request import check_request  # OpenCV comes with it

    try:
        check_request(template, timeline)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from error


def _film_job(spec: ListingFilm, place: str) -> BulkJob:
    work = spec.film.model_dump(mode="json", exclude_unset=True)
    return _job("render_video", "films", spec.listing_id, work, (place, spec.film.template))


def _clip_jobs(key: str, spec: ListingClips, place: str) -> Iterator[BulkJob]:
    _check(f"{key}: listing {spec.listing_id}", spec.template)
    for photo in spec.photos:
        for shape in spec.formats:
            clip = ClipInput(
                photo=photo, template=spec.template, length_s=spec.length_s, format=shape
            )
            work = clip.model_dump(mode="json", exclude_unset=True)
            yield _job("generate_clip", "clips", spec.listing_id, work, (place, spec.template))


def _job(
    type_: str, folder: str, listing_id: str, work: Json, given: tuple[str, str | Json]
) -> BulkJob:
    """Name a job by its partition, its input and the versions of what makes it."""
    place, template = given
    facts = [listing_id, work, *_versions(template)]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return BulkJob(KINDS[type_], work, listing_id, f"{folder}/{place}/{digest[:32]}")


def _versions(template: str | Json) -> tuple[str, str, Json]:
    """Return what shapes a film besides its request: the studio, its pixels' code, the template."""
    from serving.render.naming import code_version
    from serving.render.template_files import open_template

    return serving.__version__, code_version(), open_template(template).model_dump(mode="json")
