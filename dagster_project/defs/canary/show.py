"""What was decided about a version beside the champion, as Dagster's pages show it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.batches.metadata import format_cell, format_table
from dagster_project.models.show import link
from dagster_project.studio import Studio
from registry.ramp.states import Decided

NOT_ROLLED_BACK, NO_PERSON = "not_rolled_back", "needs_no_person"
# which decisions say something about a check, and what
_OPENS = {"begin": True, "advance": True, "promoted": True, "roll_back": False}
_ASKS = {
    "alert": False, "wait": False, "pause": False,
    "begin": True, "advance": True, "resume": True, "approve": True, "promote": True,
    "promoted": True, "roll_back": True, "withdraw": True,
}  # fmt: skip
_SAYS = {NOT_ROLLED_BACK: _OPENS, NO_PERSON: _ASKS}
_SEVERITY = {
    NOT_ROLLED_BACK: dg.AssetCheckSeverity.ERROR,
    NO_PERSON: dg.AssetCheckSeverity.WARN,
}


def asset_of(key: str) -> dg.AssetKey:
    """Return the asset on which a task's decisions are seen; `key` is its recipe's."""
    return dg.AssetKey([key, "ramp"])


def describe(decided: Decided, studio: Studio, page: str | None = None) -> dict[str, Any]:
    """Return a decision as metadata: why, what it was made from, and where to see more."""
    details = decided.details
    verdict: Mapping[str, Any] = details.get("verdict") or {}
    metadata: dict[str, Any] = {
        "decision": decided.decision,
        "why": decided.why,
        "version": decided.version,
        "by": decided.by,
        "step": decided.step,
        "decided at": dg.MetadataValue.timestamp(decided.at),
        "MLflow version": link(studio.page_of_version(decided.task, decided.version)),
        "worked out again by": (
            f"python -m registry.ramp explain {decided.task} {decided.version}"
        ),
    }
    if page:
        metadata["page, with the photos on which versions differ"] = link(page)
    if "weight" in details:
        metadata["weight"] = float(details["weight"])
    if verdict:
        metadata |= _evidence(verdict)
    return metadata


def _evidence(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a verdict, and a table with one line for each metric."""
    unproven: Sequence[Mapping[str, Any]] = verdict.get("unproven") or ()
    worst: Mapping[str, Any] = verdict.get("worst") or {}
    measured = {found["metric"]: found for found in (*unproven, worst) if found}
    rows = [
        (format_cell(metric), f"{log10:+.2f}", *_measured(measured.get(metric)))
        for metric, log10 in sorted(verdict["log10"].items(), key=lambda item: -item[1])
    ]
    heads = ("metric", "log10 evidence of harm", "group", "observed", "ceiling", "from")
    largest = max(verdict["log10"].values(), default=0.0)
    return {
        "log10 evidence": float(largest),
        "listings": int(verdict["listings"]),
        "answered in this step": int(verdict["answered"]),
        "evidence": format_table(heads, rows),
    }


def _measured(found: Mapping[str, Any] | None) -> tuple[str, str, str, str]:
    if found is None:
        return "", "", "", ""
    group = "all" if found["group"] == "*" else format_cell(str(found["group"]))
    return group, f"{found['mean']:.4f}", f"{found['ceiling']:.4f}", f"{found['seen']:,}"


def events_of(
    decided: Decided, key: str, studio: Studio, page: str | None = None
) -> list[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Return what Dagster keeps of a decision without a run: an observation, and verdicts."""
    metadata = describe(decided, studio, page)
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = [
        dg.AssetObservation(asset_of(key), description=decided.why, metadata=metadata)
    ]
    for name, says in _SAYS.items():
        passed = says.get(decided.decision)
        if passed is not None:
            events.append(
                dg.AssetCheckEvaluation(
                    asset_key=asset_of(key),
                    check_name=name,
                    passed=passed,
                    severity=_SEVERITY[name],
                    description=f"version {decided.version}: {decided.why}",
                    metadata=metadata,
                )
            )
    return events


def judge(decisions: Iterable[Decided], key: str) -> list[dg.AssetCheckResult]:
    """Return each check as the decisions, the oldest first, leave it."""
    last: dict[str, Decided] = {}
    for decided in decisions:
        last |= {name: decided for name, says in _SAYS.items() if decided.decision in says}
    return [
        dg.AssetCheckResult(
            asset_key=asset_of(key),
            check_name=name,
            passed=says[last[name].decision] if name in last else True,
            severity=_SEVERITY[name],
            description=f"version {last[name].version}: {last[name].why}" if name in last else None,
        )
        for name, says in _SAYS.items()
    ]
