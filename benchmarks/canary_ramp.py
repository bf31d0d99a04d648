"""One simulated ramp, decided by what is shipped: registry.evidence and registry.ramp.decide.

Somebody looks every 10 s. Looks between which nothing new is known and no time of the rules passes
would find the same and are left out, unless `every_look` asks for them. `canary_fleet` does the
same for many ramps at once.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any

import numpy as np
from canary_traffic import BLOCK, DAY_S, Block, World, blocks, forecast

from registry.evidence import Verdict, fold_all, judge, start
from registry.ramp.decide import Decision, RampState, decide
from registry.ramp.rules import RampRules

LOOK_S = 10.0
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Setting:
    """How a ramp is run.

    Attributes
    ----------
    shadow : whether the challenger is also asked about listings that the champion answers
    first_step : index of the step it begins with
    stays : whether it stays there, to see how long a step takes to find something
    """

    world: World
    per_day: float = 1000.0
    days: float = 40.0
    shadow: bool = True
    first_step: int = 0
    stays: bool = False
    every_look: bool = False


@dataclass
class Outcome:
    """How a ramp ended.

    Attributes
    ----------
    end : `roll_back`, `promote`, or `open`: neither within the days
    listings, answered, harmed : all that came, the challenger's, and those of it that were harmed
    alerts : reasons for which a person was told (not watched by `canary_fleet`)
    """

    end: str = "open"
    step: int = 0
    why: str = ""
    listings: int = 0
    answered: int = 0
    harmed: int = 0
    days: float = 0.0
    alerts: set[str] = field(default_factory=set, compare=False)


def decide_at(
    rules: RampRules, verdict: Verdict, step: int, now: float, step_at: float, last_day: int
) -> Decision:
    """Return the shipped decision about a ramp at a time, in seconds since it began."""
    ramp = RampState(
        task="simulated", version="2", step=step, weight=rules.steps[step].weight,
        ramp_s=now, step_s=now - step_at, listings_last_day=last_day,
    )  # fmt: skip
    return decide(ramp, verdict, rules, BEGIN + timedelta(seconds=now))


def look_after(at: float) -> float:
    """Return the time of the first look at or after a time."""
    return ceil(at / LOOK_S) * LOOK_S if at < inf else inf


class Ramp:
    """A ramp that is looked at."""

    def __init__(self, setting: Setting, rules: RampRules, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.setting, self.rules = setting, rules
        self.evidence = start(rules, forecast(setting.world, rng))
        self.verdict = judge(self.evidence, rules)
        self.coming = _each(blocks(setting.world, setting.per_day, rng))
        self.block, self.row = next(self.coming)
        self.settling: deque[tuple[float, list[dict[str, Any]]]] = deque()
        self.compared: deque[float] = deque()  # when, of the last day
        self.step, self.step_at, self.now = setting.first_step, 0.0, 0.0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Look until it ends, or the days are over."""
        while (look := self._next_look()) <= self.setting.days * DAY_S:
            self.now = look
            while self.block.at[self.row] <= look:
                self._route()
                self.block, self.row = next(self.coming)
            self._count()
            if self._act(self._decide()):
                break
        self.outcome.step, self.outcome.days = self.step, self.now / DAY_S
        return self.outcome

    def _next_look(self) -> float:
        """Return when something may have changed, as the time of a look."""
        if self.setting.every_look:
            return self.now + LOOK_S
        arrives = float(self.block.at[self.row]) + self.rules.settle_s
        settled = self.settling[0][0] if self.settling else arrives
        traffic, dwell_s = self.rules.traffic, self.rules.steps[self.step].dwell_s
        changes = (
            self.step_at + dwell_s,
            self.step_at + traffic.stuck_after_s,
            traffic.alert_after_s,
        )
        due = min([settled, *(change for change in changes if change > self.now)])
        return max(look_after(due), self.now + LOOK_S)

    def _route(self) -> None:
        """Say who answers a listing, and what is recorded when it has settled."""
        share = self.rules.steps[self.step].weight / 100
        ours = bool(self.block.bucket[self.row] < share * 100)
        self.outcome.listings += 1
        self.outcome.answered += ours
        self.outcome.harmed += ours and bool(self.block.touched[self.row])
        records: list[dict[str, Any]] = [{"kind": "exposure", "challenger": ours, "share": share}]
        if ours or self.setting.shadow:
            records.append(self.block.record(self.row))
        if self.block.bad[self.row, int(ours), 2]:
            records.append({"kind": "bad", "event": "override", "challenger": ours, "share": share})
        self.settling.append((float(self.block.at[self.row]) + self.rules.settle_s, records))

    def _count(self) -> None:
        """Fold what has settled."""
        records: list[dict[str, Any]] = []
        while self.settling and self.settling[0][0] <= self.now:
            records += self.settling.popleft()[1]
        if records:
            self.evidence = fold_all(self.evidence, records, self.rules)
            self.verdict = judge(self.evidence, self.rules)
        self.compared.extend(self.now for record in records if record["kind"] == "listing")
        while self.compared and self.compared[0] <= self.now - DAY_S:
            self.compared.popleft()

    def _decide(self) -> Decision:
        last_day = len(self.compared)
        return decide_at(self.rules, self.verdict, self.step, self.now, self.step_at, last_day)

    def _act(self, decision: Decision) -> bool:
        """Do what was decided; say whether the ramp is over."""
        if decision.kind == "alert":
            self.outcome.alerts.add(decision.reason)
        if decision.kind == "roll_back" or (decision.kind == "promote" and not self.setting.stays):
            self.outcome.end, self.outcome.why = decision.kind, decision.why
            return True
        if decision.kind == "advance" and not self.setting.stays:
            self.step, self.step_at = decision.step, self.now
            step = {"kind": "step", "step": decision.step}
            self.evidence = fold_all(self.evidence, [step], self.rules)
            self.verdict = judge(self.evidence, self.rules)
        return False


def _each(coming: Iterator[Block]) -> Iterator[tuple[Block, int]]:
    for block in coming:
        yield from ((block, row) for row in range(BLOCK))
