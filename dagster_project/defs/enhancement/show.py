"""What has become of a batch's photos, as Dagster's pages show it: counts, and before and after."""

from collections import Counter
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
from dagster_project.defs.listings.show import failed_photos, no_photo_failed
from serving.storage.interface import Storage

__all__ = ["enhancement_metadata", "no_photo_failed", "none_worse"]
_SHOWN = 24  # photos before and after
Result = Mapping[str, Any]  # of the job `enhance_photos`


def enhancement_metadata(
    outcomes: Sequence[Outcome], storage: Storage, page_of: PageOf
) -> dict[str, dg.MetadataValue]:
    """Return counts, what was done how often, photos before and after, and what failed."""
    told = list(_photos(outcomes))
    changed = [one for _, one in told if one["applied"]]
    judged = [one["quality"] for one in changed if None not in one["quality"].values()]
    better = sum(one["after"] - one["before"] for one in judged)
    return {
        **count_outcomes(outcomes),
        "photos": dg.MetadataValue.int(len(told)),
        "photos left as they were": dg.MetadataValue.int(len(told) - len(changed)),
        "photos that failed": dg.MetadataValue.int(len(failed_photos(outcomes))),
        "mean gain of quality": dg.MetadataValue.float(better / len(judged) if judged else 0.0),
        "operations": _operations(changed),
        "before and after": _sheet(told, storage, page_of),
        **list_failures(outcomes, page_of),
    }


def none_worse(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether the model that judges holds any new photo for worse than it came.

    `auto` gives none such back; what another preset's name asks for is done all the same.
    """
    worse = [
        {"listing_id": outcome.listing_id, "photo": one["photo"]} | one["quality"]
        for outcome, one in _photos(outcomes)
        if _is_worse(one["quality"])
    ]
    return dg.AssetCheckResult(
        check_name="none_worse",
        passed=not worse,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(worse):,} photos score lower than they came" if worse else "none is",
        metadata={"photos": dg.MetadataValue.json(worse[:ROWS])},
    )


def _is_worse(quality: Mapping[str, float | None]) -> bool:
    before, after = quality["before"], quality["after"]
    return before is not None and after is not None and after < before


def _photos(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, Result]]:
    """Give what is said of every photo that could be worked on."""
    for outcome in outcomes:
        for one in outcome.result.get("results", ()):
            if "enhanced" in one:
                yield outcome, one


def _operations(changed: Sequence[Result]) -> dg.MetadataValue:
    counts = Counter(done["operation"] for one in changed for done in one["applied"])
    rows = [(name, f"{count:,}") for name, count in counts.most_common()]
    return format_table(("operation", "photos"), rows)


def _sheet(
    told: Sequence[tuple[Outcome, Result]], storage: Storage, page_of: PageOf
) -> dg.MetadataValue:
    """Return a row for each of the first photos that something was done to."""
    changed = [(outcome, one) for outcome, one in told if one["applied"]]
    rows = [
        (
            format_cell(outcome.listing_id),
            small_picture(storage, one["photo"], "before"),
            small_picture(storage, one["enhanced"], "after"),
            format_cell(", ".join(done["operation"] for done in one["applied"])),
            f"[page]({page_of(outcome.job_id)})",
        )
        for outcome, one in changed[:_SHOWN]
    ]
    return format_table(("listing", "before", "after", "what was done", "page"), rows)
