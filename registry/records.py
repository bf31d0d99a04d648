"""What the evidence about a version is made of: records without a listing's name, in their order.

They are kept as they are (`ramp_inputs`), so that every decision can be worked out again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from registry.limits import Limits

ALL = "*"
# a fallback is what an error becomes where the version's answer was to be given
FAILURES = {"error": frozenset({"error", "fallback"}), "slow": frozenset({"slow"})}
COMPARED = {"disagreement": "disagree", "distance": "distance"}  # their names in records
# streams of one metric, and which way of a shift is theirs
SIDES = {"certainty/surer": 1.0, "certainty/less sure": -1.0}
OVERRIDE, DISCORDANT, ASSIGNMENT = f"override/{ALL}", f"discordant/{ALL}", f"assignment/{ALL}"
Observation = tuple[str, float, float | None]  # stream, value, its ceiling if it has one of its own


class GroupCounts(TypedDict):
    """Of `n` photos of a group, how many were answered otherwise, and sums of how far they shifted.

    A distance lies between 0 and 1, a shift between -1 and 1; records of before it was known have
    none. A group is what the champion answered, such as a room; `*` for
    tasks without groups. All photos of a listing are summed up where records are folded.
    """

    n: int
    disagree: int
    distance: float
    shift: NotRequired[float]


class ListingRecord(TypedDict):
    """A listing that both versions were asked about, once, when it has settled.

    `slots`: whether the version's answer was given (`served`) or only compared (`pair`). Bad things
    are of the kinds of `bad_events` but `override`.
    """

    kind: Literal["listing"]
    slots: Literal["pair", "served"]
    challenger_bad: list[str]
    champion_bad: list[str]
    groups: dict[str, GroupCounts]


class BadRecord(TypedDict):
    """A bad event at once; `share` is how much of the traffic the version had then, 0..1.

    Only `override` counts as evidence: for all else the champion was asked the same, and the
    listing's own record compares them.
    """

    kind: Literal["bad"]
    event: str
    challenger: bool
    share: float


class OverrideRecord(TypedDict):
    """Who was right of a photo on which both differ; one for each listing.

    `share`: how much of the traffic the version had then, 0..1. People correct what they were
    given, so the version's mistakes are seen as often as it answers.
    """

    kind: Literal["override"]
    challenger_right: bool
    share: float


class ExposureRecord(TypedDict):
    """A listing's first answer by a version; `share` is how much of the traffic it had, 0..1.

    `moved`: another version answered it before, since the ramp began. Raising a weight moves
    listings one way only, so these say nothing about how listings are assigned.
    """

    kind: Literal["exposure"]
    challenger: bool
    share: float
    moved: NotRequired[bool]


class StepRecord(TypedDict):
    """The ramp went on to a step: what is counted for a step begins anew."""

    kind: Literal["step"]
    step: int


Record = ListingRecord | BadRecord | OverrideRecord | ExposureRecord | StepRecord


def observations(record: Mapping[str, Any], rules: Limits) -> Iterator[Observation]:
    """Yield what a record says of which metric, as values between -1 or 0 and 1."""
    kind, share = record["kind"], record.get("share", 0.0)
    if kind == "listing":
        ours, champions = record["challenger_bad"], record["champion_bad"]
        for metric, kinds in FAILURES.items():
            worse = bool(kinds.intersection(ours)) - bool(kinds.intersection(champions))
            yield f"{metric}/{ALL}", worse, None
        yield from _compared(record["groups"])
    elif kind == "bad" and record["event"] == "override":
        ratio = rules.override.ceiling
        yield OVERRIDE, record["challenger"], share * ratio / (share * ratio + 1 - share)
    elif kind == "override":
        yield DISCORDANT, not record["challenger_right"], max(rules.discordant.ceiling, share)
    elif kind == "exposure" and not record.get("moved", False):
        yield ASSIGNMENT, record["challenger"], share


def _compared(groups: Mapping[str, Mapping[str, float]]) -> Iterator[Observation]:
    photos = sum(counts["n"] for counts in groups.values())
    for metric, named in COMPARED.items():
        for group, counts in groups.items():
            if counts["n"] > 0 and group != ALL:
                yield f"{metric}/{group}", counts[named] / counts["n"], None
        if photos > 0:
            all_photos = sum(counts[named] for counts in groups.values())
            yield f"{metric}/{ALL}", all_photos / photos, None
    shifts = [counts.get("shift") for counts in groups.values() if counts["n"] > 0]
    known = [shift for shift in shifts if shift is not None]
    if known and len(known) == len(shifts):
        for name, side in SIDES.items():
            yield name, side * sum(known) / photos, None
