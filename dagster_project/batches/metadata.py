"""What has become of a batch of jobs, as Dagster's pages show it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import dagster as dg

from dagster_project.batches.bulk import Outcome
from serving.db.status import ENDED_JOB, JobStatus

# Returns the address of a job's page
PageOf = Callable[[UUID], str]
ROWS = 200  # of a table, and of a list in a check


def all_completed(outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    """Judge whether every job of the batch was completed."""
    short = [outcome for outcome in outcomes if outcome.status != JobStatus.COMPLETED]
    described = f"{len(short):,} of {len(outcomes):,} were not completed" if short else "all were"
    return dg.AssetCheckResult(
        check_name="all_completed",
        passed=not short,
        severity=dg.AssetCheckSeverity.ERROR,
        description=described,
        metadata={"listings": dg.MetadataValue.json([o.listing_id for o in short[:ROWS]])},
    )


def count_outcomes(outcomes: Sequence[Outcome]) -> dict[str, dg.MetadataValue]:
    """Return how many jobs the batch had, and how they ended."""
    counts = Counter(outcome.status for outcome in outcomes)
    known = sum(outcome.known for outcome in outcomes)
    values = {"jobs": len(outcomes)}
    values |= {status.value: counts[status] for status in ENDED_JOB}
    values |= {"asked for before": known}
    return {name: dg.MetadataValue.int(value) for name, value in values.items()}


def list_failures(outcomes: Sequence[Outcome], page_of: PageOf) -> dict[str, dg.MetadataValue]:
    """Return a table of the jobs that were not completed, with their reasons; empty if all were."""
    rows = [
        (
            format_cell(outcome.listing_id),
            outcome.status,
            format_cell(str(outcome.error.get("detail") or outcome.error.get("title") or "")),
            f"[page]({page_of(outcome.job_id)})",
        )
        for outcome in outcomes
        if outcome.status != JobStatus.COMPLETED
    ]
    heads = ("listing", "ended", "reason", "page")
    return {"not completed": format_table(heads, rows)} if rows else {}


def format_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.MetadataValue:
    """Return rows below their heads as a Markdown table, the first two hundred of them."""
    lines = [" | ".join(heads), "|".join(["---"] * len(heads))]
    lines += [" | ".join(map(str, row)) for row in rows[:ROWS]]
    text = "\n".join(f"| {line} |" for line in lines)
    more = f"\n\n… and {len(rows) - ROWS:,} more" if len(rows) > ROWS else ""
    return dg.MetadataValue.md(text + more)


def format_cell(text: str) -> str:
    """Return a text for a table's cell: nothing in it is taken for Markdown's own signs."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}" if sign not in "<>" else f"&#{ord(sign)};")
    return " ".join(text.split())[:300]
