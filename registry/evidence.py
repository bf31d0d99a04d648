"""What was seen of a version beside the champion, as evidence that may be looked at any time.

Every metric and group is a stream of bets (`registry.bets`) against its ceiling. All share one
stake, and their average is valid whatever ties them together. The unit is the listing: photos of
one house are not independent. Lindon & Malek 2022, Waudby-Smith & Ramdas 2024, Robbins 1970.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10
from typing import Any

from registry.bets import SIZES, Stream
from registry.limits import Forecasted, Limits, is_foreseen
from registry.records import (
    ALL,
    ASSIGNMENT,
    COMPARED,
    DISCORDANT,
    FAILURES,
    OVERRIDE,
    SIDES,
    observations,
)
from registry.verdict import Finding, Verdict

__all__ = ["ALL", "Evidence", "Finding", "Verdict", "fold", "fold_all", "judge", "start"]

MUST_BE_SHOWN = tuple(f"{metric}/{ALL}" for metric in (*FAILURES, *COMPARED))
_FORESEEN = 0.8  # of the stake on groups; of the rest a group that no forecast knew gets a part
_UNFORESEEN = 1 / 16
# who answered is written by many processes in runs: nothing is bet on when that begins to be wrong
_WHOLE = (1.0,) * len(SIZES)


@dataclass(frozen=True)
class Evidence:
    """All bets on a version.

    Attributes
    ----------
    streams : by `metric/group`
    listings : listings compared
    answered, step_answered : listings the version answered, ever and since its step began
    """

    streams: Mapping[str, Stream]
    listings: int = 0
    answered: int = 0
    step_answered: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what a JSON column keeps of it."""
        streams = {name: stream._asdict() for name, stream in self.streams.items()}
        return {**vars(self), "streams": streams}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Evidence":
        """Return the evidence that `as_json` told."""
        streams = {name: Stream(**values) for name, values in kept["streams"].items()}
        return cls(**{**kept, "streams": streams})


def start(rules: Limits, forecast: Mapping[str, Any] | None) -> Evidence:
    """Return evidence of nothing yet.

    Parameters
    ----------
    forecast : what `forecast.json` of the version's run holds: {"groups": {group: {"n", "disagree",
        "disagree_high", "distance", "distance_high", "shift", "shift_low", "shift_high"}}},
        shares 0..1, shifts -1..1; group `*` is all photos
    """
    failures = {f"{name}/{ALL}": getattr(rules, name) for name in FAILURES}
    streams = {key: Stream(limit.ceiling, limit.weight, -1.0) for key, limit in failures.items()}
    streams[OVERRIDE] = Stream(0.5, rules.override.weight, safe=())
    streams[DISCORDANT] = Stream(rules.discordant.ceiling, rules.discordant.weight, safe=())
    streams[ASSIGNMENT] = Stream(0.5, harm=_WHOLE, safe=_WHOLE, reserve=0.0)
    known: Mapping[str, Any] = (forecast or {}).get("groups", {})
    groups = [group for group in known if group != ALL]
    if (sides := rules.certainty) is not None:
        for name, side in SIDES.items():
            ceiling, told = sides.ceiling(known.get(ALL, {}), side)
            stream = Stream(ceiling, sides.weight, -sides.widest, safe=(), foreseen=told)
            streams[name] = stream._replace(highest=sides.widest)
    for metric, named in COMPARED.items():
        limit: Forecasted = getattr(rules, metric)
        high = known.get(ALL, {}).get(f"{named}_high")
        ceiling, told = limit.ceiling(high, group=False), is_foreseen(high)
        streams[f"{metric}/{ALL}"] = Stream(ceiling, limit.weight, foreseen=told)
        for group in groups:
            high = known[group].get(f"{named}_high")
            ceiling, told = limit.ceiling(high, group=True), is_foreseen(high)
            stake = limit.group_weight * _FORESEEN / len(groups)
            streams[f"{metric}/{group}"] = Stream(ceiling, stake, safe=(), foreseen=told)
    return Evidence(streams)


def fold(evidence: Evidence, record: Mapping[str, Any], rules: Limits) -> Evidence:
    """Return the evidence with one record more, see `registry.records`."""
    return fold_all(evidence, (record,), rules)


def fold_all(evidence: Evidence, records: Iterable[Mapping[str, Any]], rules: Limits) -> Evidence:
    """Return the evidence with some records more, in order."""
    streams, counts = dict(evidence.streams), dict(vars(evidence))
    for record in records:
        if record["kind"] == "step":
            counts["step_answered"] = 0
        answered = record["kind"] == "exposure" and record["challenger"]
        counts["answered"] += answered
        counts["step_answered"] += answered
        counts["listings"] += record["kind"] == "listing"
        for name, value, ceiling in observations(record, rules):
            if name not in streams:
                if name in SIDES:  # it began before they were watched
                    continue
                streams[name] = _unforeseen(name, streams, rules)
            streams[name] = streams[name].after(value, ceiling)
    return Evidence(**{**counts, "streams": streams})


def _unforeseen(name: str, streams: Mapping[str, Stream], rules: Limits) -> Stream:
    metric = name.partition("/")[0]
    limit: Forecasted = getattr(rules, metric)
    at_stake = sum(one.weight for key, one in streams.items() if key.startswith(f"{metric}/"))
    left = limit.weight + limit.group_weight - at_stake
    return Stream(limit.group_unforeseen, left * _UNFORESEEN, safe=())


def judge(evidence: Evidence, rules: Limits) -> Verdict:
    """Say what the evidence shows."""
    streams = evidence.streams
    bet = {name: one.e_harm for name, one in streams.items() if one.weight > 0}
    worst = max(bet, key=lambda name: streams[name].weight * bet[name])
    shown = (Finding.of(name, streams[name], streams[name].e_safe) for name in MUST_BE_SHOWN)
    needed = -log10(rules.wrong_decisions.advance)
    by_value = sorted(bet, key=lambda name: bet[name])  # of a metric's groups the worst is the last
    return Verdict(
        harm=1 + sum(streams[name].weight * (value - 1) for name, value in bet.items()),
        worst=Finding.of(worst, streams[worst], bet[worst]),
        log10={name.partition("/")[0]: log10(bet[name]) for name in by_value},
        unproven=tuple(sorted((o for o in shown if o.log10 < needed), key=lambda o: o.log10)),
        srm=(streams[ASSIGNMENT].e_harm + streams[ASSIGNMENT].e_safe) / 2,
        listings=evidence.listings,
        answered=evidence.step_answered,
    )
