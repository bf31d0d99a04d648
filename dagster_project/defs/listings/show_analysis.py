"""What a batch's analyses say, as Dagster's pages show it: tags, versions, what is missing."""

from collections import Counter
from collections.abc import Sequence

import dagster as dg

from dagster_project.batches.bulk import Outcome
from dagster_project.batches.metadata import PageOf, format_cell, format_table
from dagster_project.defs.listings import show
from serving.storage.interface import Storage


def analysis_metadata(
    outcomes: Sequence[Outcome], storage: Storage, page_of: PageOf
) -> dict[str, dg.MetadataValue]:
    """Return what is shown of classified listings, how often each tag came, and of what models."""
    told = list(show.rooms(outcomes))
    listings = [outcome for outcome in outcomes if outcome.result.get("results")]
    by_listing = Counter(tag for one in listings for tag in _tags_of(one))
    of_photos = Counter(tag["name"] for one in told for tag in one["tags"]["present"])
    tags = [
        (format_cell(name.replace("_", " ")), f"{count:,}", f"{by_listing[name]:,}")
        for name, count in of_photos.most_common()
    ]
    models = Counter((m["name"], m["version"], m["slot"]) for one in told for m in one["models"])
    return {
        **show.listing_metadata(outcomes, storage, page_of),
        "tags": format_table(("tag", "photos", "listings"), tags),
        "models": format_table(
            ("model", "version", "slot", "photos"),
            [(*map(format_cell, key), f"{count:,}") for key, count in sorted(models.items())],
        ),
    }


def _tags_of(outcome: Outcome) -> set[str]:
    photos = (one for one in outcome.result["results"] if "tags" in one)
    return {tag["name"] for one in photos for tag in one["tags"]["present"]}


def all_models_answered(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether every model answered for every photo: one that is not published does not."""
    missing = Counter(model for one in show.rooms(outcomes) for model in one["missing"])
    said = ", ".join(f"{model}: {count:,}" for model, count in missing.most_common())
    return dg.AssetCheckResult(
        check_name="all_models_answered",
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"photos without an answer of {said}" if missing else "all did",
        metadata={name: dg.MetadataValue.int(count) for name, count in missing.items()},
    )
