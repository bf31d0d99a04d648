"""What has become of films and clips of a batch, as Dagster's pages show it."""

import base64
import io
from collections.abc import Iterator, Sequence

import dagster as dg
from PIL import Image as Pillow

from dagster_project.batches.bulk import Outcome
from dagster_project.batches.metadata import (
    ROWS,
    PageOf,
    count_outcomes,
    format_cell,
    format_table,
    list_failures,
)
from serving.db.status import JobStatus
from serving.db.tables import Json
from serving.errors import StudioError
from serving.storage.interface import Storage

_POSTERS = 24
_POSTER_PX = 160
_MAX_POSTER_BYTES = 8 * 2**20


def film_metadata(
    outcomes: Sequence[Outcome], storage: Storage, page_of: PageOf
) -> dict[str, dg.MetadataValue]:
    """Return counts, a table of films with posters and links, and a table of what failed."""
    films = [film for outcome in outcomes for film in outcome.result.get("films", ())]
    skipped = skipped_photos(outcomes)
    rows = [_film_row(outcome, film, page_of) for outcome in outcomes for film in _films(outcome)]
    posters = [poster(storage, film["poster"]) for film in films[:_POSTERS]]
    table = [
        (posters[number] if number < len(posters) else "", *row) for number, row in enumerate(rows)
    ]
    heads = ("poster", "listing", "format", "length", "photos left out", "page", "file")
    return {
        **count_outcomes(outcomes),
        "films": dg.MetadataValue.int(len(films)),
        "seconds of film": _seconds(films),
        "skipped photos": dg.MetadataValue.int(len(skipped)),
        "table": format_table(heads, table),
        **list_failures(outcomes, page_of),
    }


def clip_metadata(outcomes: Sequence[Outcome], page_of: PageOf) -> dict[str, dg.MetadataValue]:
    """Return counts and a table of what failed."""
    clips = [outcome.result for outcome in outcomes if outcome.status == JobStatus.COMPLETED]
    return {
        **count_outcomes(outcomes),
        "were there already": dg.MetadataValue.int(sum(bool(clip["cached"]) for clip in clips)),
        "seconds of clips": _seconds(clips),
        "bytes": dg.MetadataValue.int(sum(clip["bytes"] for clip in clips)),
        **list_failures(outcomes, page_of),
    }


def skipped_photos(outcomes: Sequence[Outcome]) -> list[Json]:
    """Return the photos that could not be read, each with its listing and its problem."""
    return [
        {"listing_id": outcome.listing_id} | photo
        for outcome in outcomes
        for photo in outcome.result.get("skipped", ())
    ]


def no_photo_skipped(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether every photo that was sent could be read."""
    skipped = skipped_photos(outcomes)
    return dg.AssetCheckResult(
        check_name="no_photo_skipped",
        passed=not skipped,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(skipped):,} photos could not be read" if skipped else "all were read",
        metadata={"photos": dg.MetadataValue.json(skipped[:ROWS])},
    )


def poster(storage: Storage, key: str) -> str:
    """Return a stored picture as Markdown, small, in the text itself; nothing if it is gone."""
    try:
        data = storage.read(key, _MAX_POSTER_BYTES)
    except StudioError:
        return ""
    with Pillow.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        picture.draft("RGB", (2 * _POSTER_PX, 2 * _POSTER_PX))
        picture.thumbnail((_POSTER_PX, _POSTER_PX))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=70)
    return f"![poster](data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()})"


def _films(outcome: Outcome) -> Iterator[Json]:
    yield from outcome.result.get("films", ())


def _film_row(outcome: Outcome, film: Json, page_of: PageOf) -> tuple[object, ...]:
    return (
        format_cell(outcome.listing_id),
        film["format"],
        f"{film['duration_s']:.1f} s",
        len(film.get("left_out", ())),
        f"[page]({page_of(outcome.job_id)})",
        f"`{film['film']}`",
    )


def _seconds(made: Sequence[Json]) -> dg.MetadataValue:
    return dg.MetadataValue.float(sum((one["duration_s"] for one in made), 0.0))
