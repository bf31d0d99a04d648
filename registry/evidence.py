"""What was seen of a version beside the champion, as evidence that may be looked at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from registry.limits import Limits

ALL = "*"
Record = Mapping[str, Any]


class Stream(NamedTuple):
    """Bets on one metric of one group."""

    weight: float
    ceiling: float
    lowest: float
    harm: tuple[float, ...]
    safe: tuple[float, ...]
    seen: int = 0
    total: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """All bets on a version; `as_json` and `from_json` keep it."""

    streams: Mapping[str, Stream]
    listings: int = 0
    answered: int = 0
    step_answered: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what a JSON column keeps of it."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Evidence":
        """Return what `as_json` was given."""
        raise NotImplementedError


@dataclass(frozen=True)
class Finding:
    """The metric and group that speak most against the version.

    Attributes
    ----------
    mean, ceiling : what was observed and what is allowed
    count : listings or events it was observed on
    """

    metric: str
    group: str
    mean: float
    ceiling: float
    count: int
    log10: float


@dataclass(frozen=True)
class Verdict:
    """What the evidence says now.

    Attributes
    ----------
    harm : e-value against "the version is within all ceilings"; 1 is nothing, 100 is rolled back
    worst : what speaks most against it
    log10 : log10 of the e-value of each metric, of its worst group
    non_inferior : every metric that must be is shown to be below its ceiling
    unproven : the metrics that are not, the furthest from it first
    srm : e-value against "listings are assigned as the weights say"
    listings : listings compared
    answered : listings that the version answered since the step began
    """

    harm: float
    worst: Finding
    log10: Mapping[str, float] = field(default_factory=dict)
    non_inferior: bool = False
    unproven: tuple[Finding, ...] = ()
    srm: float = 1.0
    listings: int = 0
    answered: int = 0


def start(rules: Limits, forecast: Mapping[str, Any] | None) -> Evidence:
    """Return evidence of nothing yet.

    Parameters
    ----------
    forecast : what `forecast.json` of the version's run holds: {"groups": {group: {"n", "disagree",
        "disagree_high", "distance", "distance_high"}}}, shares 0..1; group `*` is all photos
    """
    raise NotImplementedError


def fold(evidence: Evidence, record: Record, rules: Limits) -> Evidence:
    """Return the evidence with one record more.

    Records, told apart by `kind` (all are counted once, in the order of their ids):

    - `listing` {slots: "pair"|"served", challenger_bad: [kinds], champion_bad: [kinds], groups:
      {group: {n, disagree, distance}}}: a listing both versions were asked about, once. `slots`
      says whether the version's answer was given (`served`). Kinds are those of `bad_events`. Of
      a group's `n` photos `disagree` were answered otherwise, and `distance` is the *sum* of their
      distances, 0..1 each. Groups are the champion's labels; `*` for tasks without any, it is
      summed up here for those that have some.
    - `bad` {event, challenger: bool, share}: at once. Only `override` counts here: errors and slow
      answers are counted by `listing`, where the champion was asked the same.
    - `override` {challenger_right: bool, share?}: a photo on which both differ, one per listing;
      `share` is how much of traffic the version had then (0..1, a half if not given).
    - `exposure` {challenger: bool, share, moved?: bool}: a listing's first answer by a version.
      `moved`: the listing was answered by another version before, since the ramp began (raising a
      weight moves listings); it does not count for the assignment's check.
    - `step` {step}: the ramp goes on to a step; counts of the step begin anew.
    """
    return fold_all(evidence, (record,), rules)


def fold_all(evidence: Evidence, records: Iterable[Record], rules: Limits) -> Evidence:
    """Return the evidence with some records more, in order."""
    raise NotImplementedError


def judge(evidence: Evidence, rules: Limits) -> Verdict:
    """Say what the evidence shows."""
    raise NotImplementedError
