"""What a batch's photos show, as Dagster's pages show it: counts, versions and a picture sheet."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.batches.bulk import Outcome
from dagster_project.batches.metadata import (
    ROWS,
    PageOf,
    count_outcomes,
    format_cell,
    format_table,
    list_failures,
)
from dagster_project.batches.pictures import small_picture
from serving.photos.classify import ROOM_CLASSIFIER
from serving.storage.interface import Storage

_SHOWN = 4  # pictures of a room: as many of the surest as of the least sure

Result = Mapping[str, Any]  # `serving.models.results.RoomResult` or `FailedResult` as JSON


def listing_metadata(
    outcomes: Sequence[Outcome], storage: Storage, page_of: PageOf
) -> dict[str, dg.MetadataValue]:
    """Return counts, rooms with pictures, the versions that answered, and what failed."""
    told = list(rooms(outcomes))
    confident = sum(bool(one["confident"]) for one in told)
    return {
        **count_outcomes(outcomes),
        "photos": dg.MetadataValue.int(len(told)),
        "confident": dg.MetadataValue.float(confident / len(told) if told else 0.0),
        "photos that failed": dg.MetadataValue.int(len(failed_photos(outcomes))),
        "versions": _version_table(told),
        "rooms": _sheet(told, storage),
        **list_failures(outcomes, page_of),
    }


def rooms(outcomes: Sequence[Outcome]) -> Iterator[Result]:
    """Yield what is said of every photo that could be classified."""
    for outcome in outcomes:
        yield from (one for one in outcome.result.get("results", ()) if "room_type" in one)


def failed_photos(outcomes: Sequence[Outcome]) -> list[Result]:
    """Return the photos that could not be classified, each with its listing and its problem."""
    return [
        {"listing_id": outcome.listing_id} | one
        for outcome in outcomes
        for one in outcome.result.get("results", ())
        if "error" in one
    ]


def no_photo_failed(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether every photo could be classified."""
    failed = failed_photos(outcomes)
    return dg.AssetCheckResult(
        check_name="no_photo_failed",
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failed):,} photos could not be classified" if failed else "all could",
        metadata={"photos": dg.MetadataValue.json(failed[:ROWS])},
    )


def one_version(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether one version answered for all: a ramp, or a promotion meanwhile, makes it two.

    A listing that is the challenger's gets its answer here as it does online.
    """
    counts = _versions(rooms(outcomes))
    said = ", ".join(f"version {version} ({slot}): {n:,}" for (version, slot), n in counts)
    return dg.AssetCheckResult(
        check_name="one_version",
        passed=len({version for (version, _), _ in counts}) <= 1,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"photos by {ROOM_CLASSIFIER.name}: {said or 'none'}",
    )


def _versions(told: Iterator[Result] | Sequence[Result]) -> list[tuple[tuple[str, str], int]]:
    counts = Counter((one["model"]["version"], one["model"]["slot"]) for one in told)
    return counts.most_common()


def _version_table(told: Sequence[Result]) -> dg.MetadataValue:
    rows = [(version, slot, f"{count:,}") for (version, slot), count in _versions(told)]
    return format_table(("version", "slot", "photos"), rows)


def _sheet(told: Sequence[Result], storage: Storage) -> dg.MetadataValue:
    """Return a row for each room: how many, how sure, and photos of both ends."""
    by_room: defaultdict[str, list[Result]] = defaultdict(list)
    for one in told:
        by_room[one["room_type"]].append(one)
    rows = [
        _room_row(room, sorted(found, key=lambda one: -one["confidence"]), storage)
        for room, found in sorted(by_room.items(), key=lambda item: -len(item[1]))
    ]
    heads = ("room", "photos", "mean confidence", "surest", "least sure")
    return format_table(heads, rows)


def _room_row(room: str, found: Sequence[Result], storage: Storage) -> tuple[object, ...]:
    mean = sum(one["confidence"] for one in found) / len(found)
    surest = found[:_SHOWN]
    least = found[_SHOWN:][-_SHOWN:][::-1]
    return (
        format_cell(room.replace("_", " ")),
        f"{len(found):,}",
        f"{mean:.2f}",
        " ".join(_picture(one, storage) for one in surest),
        " ".join(_picture(one, storage) for one in least),
    )


def _picture(one: Result, storage: Storage) -> str:
    return small_picture(storage, str(one["photo"]), f"{one['confidence']:.2f}")
