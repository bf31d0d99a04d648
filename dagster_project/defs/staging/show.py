"""What has become of a batch's rooms, as Dagster's pages show it: counts, and before and after."""

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
from dagster_project.defs.listings.show import failed_photos
from serving.storage.interface import Storage

_SHOWN = 24  # staged photos, those to look at first
Result = Mapping[str, Any]  # of the job `stage_photos`


def staging_metadata(
    outcomes: Sequence[Outcome], storage: Storage, page_of: PageOf
) -> dict[str, dg.MetadataValue]:
    """Return counts, why photos were left as they came, before and after, and what failed."""
    told = list(_staged(outcomes))
    scores = [variant["score"] for _, _, variant in told]
    left = Counter(one["untouched"]["code"] for _, one in _results(outcomes) if "untouched" in one)
    return {
        **count_outcomes(outcomes),
        "staged photos": dg.MetadataValue.int(len(told)),
        "to look at": dg.MetadataValue.int(sum(one["needs_review"] for _, _, one in told)),
        "mean score": dg.MetadataValue.float(sum(scores) / len(scores) if scores else 0.0),
        "photos left as they came": dg.MetadataValue.int(left.total()),
        "photos that failed": dg.MetadataValue.int(len(failed_photos(outcomes))),
        "why they were left": format_table(
            ("reason", "photos"), [(code, f"{count:,}") for code, count in left.most_common()]
        ),
        "before and after": _sheet(told, storage, page_of),
        **list_failures(outcomes, page_of),
    }


def no_review_needed(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether a picture did not pass its own checks."""
    doubtful = [
        {"listing_id": outcome.listing_id, "photo": one["photo"], "reasons": variant["reasons"]}
        for outcome, one, variant in _staged(outcomes)
        if variant["needs_review"]
    ]
    return dg.AssetCheckResult(
        check_name="no_review_needed",
        passed=not doubtful,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(doubtful):,} pictures are to be looked at" if doubtful else "none is",
        metadata={"photos": dg.MetadataValue.json(doubtful[:ROWS])},
    )


def same_furniture_in_a_room(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether a photo shows furniture of a kind that another of its room has otherwise."""
    rooms: dict[tuple[str, str, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for outcome, one, variant in _staged(outcomes):
        room = rooms[outcome.listing_id, one["room_id"], variant["seed"]]
        skus = defaultdict[str, set[str]](set)
        for piece in variant["furniture"]:
            skus[piece["role"]].add(piece["sku"])
        for role, found in skus.items():
            room[role].add(" + ".join(sorted(found)))
    mixed = [
        {"listing_id": listing, "room_id": room, "role": role, "furniture": sorted(found)}
        for (listing, room, _), roles in rooms.items()
        for role, found in roles.items()
        if len(found) > 1
    ]
    return dg.AssetCheckResult(
        check_name="same_furniture_in_a_room",
        passed=not mixed,
        description=f"{len(mixed):,} rooms show two of a kind" if mixed else "all rooms do",
        metadata={"rooms": dg.MetadataValue.json(mixed[:ROWS])},
    )


def _results(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, Result]]:
    for outcome in outcomes:
        for one in outcome.result.get("results", ()):
            yield outcome, one


def _staged(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, Result, Result]]:
    """Give every staged picture with its photo."""
    for outcome, one in _results(outcomes):
        for variant in one.get("variants", ()):
            yield outcome, one, variant


def _sheet(
    told: Sequence[tuple[Outcome, Result, Result]], storage: Storage, page_of: PageOf
) -> dg.MetadataValue:
    """Return a row for each of the staged photos that need it most."""
    ordered = sorted(told, key=lambda one: (not one[2]["needs_review"], one[2]["score"]))
    rows = [
        (
            format_cell(outcome.listing_id),
            small_picture(storage, one["photo"], "before"),
            small_picture(storage, variant["preview"], "after"),
            f"{variant['score']:.0f}{' (look at it)' if variant['needs_review'] else ''}",
            format_cell("; ".join(variant["reasons"].values())),
            f"[page]({page_of(outcome.job_id)})",
        )
        for outcome, one, variant in ordered[:_SHOWN]
    ]
    return format_table(("listing", "before", "after", "score", "why", "page"), rows)
