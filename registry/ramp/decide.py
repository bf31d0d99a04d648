"""What to do with a ramp, decided from values alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from registry.evidence import Verdict
from registry.ramp.rules import PROMOTED, RampRules
from registry.ramp.sentences import explain
from registry.ramp.states import LIVE, State

Kind = Literal["advance", "hold", "roll_back", "promote", "alert", "wait"]
_DAY_S = 86400
_GOES_NO_FURTHER = {
    State.PAUSED: "a person paused the ramp",
    State.FIXED: "an arm of an experiment keeps its weight",
    State.PROMOTING: "it has passed and is about to be the champion",
}
# nobody needs to be told that these last
_KNOWN_TO_PEOPLE = {"over", "by_hand", "other_ramp", *(state.value for state in _GOES_NO_FURTHER)}


@dataclass(frozen=True)
class RampState:
    """Where a ramp stands when it is looked at.

    Attributes
    ----------
    step : index into the rules' steps
    weight : percent of listings that the version is published with now
    ramp_s, step_s : seconds since the ramp and since its present step began
    listings_last_day : listings compared (records of kind `listing`) in the last 24 hours
    approved : whether a person allowed it (tag `approval=approved`)
    other_ramp : the version of another ramp of the task that began earlier and still runs
    """

    task: str
    version: str
    step: int
    weight: float
    ramp_s: float
    step_s: float
    listings_last_day: int
    state: State = State.RUNNING
    approved: bool = False
    other_ramp: str | None = None


@dataclass(frozen=True)
class Decision:
    """What to do, and why.

    Attributes
    ----------
    kind : `advance` (to `step`), `promote`, `roll_back`; `hold`: the evidence does not suffice yet;
        `wait`: something else than evidence is waited for; `alert`: hold, and tell a person
    step : the step the ramp is at after this
    reason : a short name of `why` that stays the same while numbers change, to tell people once
    why : one plain sentence
    """

    kind: Kind
    step: int
    reason: str
    why: str


def decide(ramp: RampState, verdict: Verdict, rules: RampRules, now: datetime) -> Decision:
    """Decide about a ramp.

    Evidence of harm rolls back, whatever else holds; nothing is raised against a person's hand, nor
    without enough evidence. `now` must know its time zone.
    """
    checks = (_over, _harmful, _assignments, _by_hand, _little_traffic, _evidence, _timing)
    for check in checks:
        found = check(ramp, verdict, rules, now)
        if found:
            return _told_if_stuck(ramp, found, rules)
    following = ramp.step + 1
    if following == len(rules.steps):
        why = f"version {ramp.version} stayed within all ceilings with 100 % of the listings"
        return Decision("promote", ramp.step, "promoted", f"{why}, compared on {verdict.listings}")
    step = rules.steps[following]
    why = (
        f"no more errors, slow answers or disagreement than allowed in {verdict.listings} listings"
    )
    return Decision("advance", following, step.name, f"{why}: on to {step.weight:g} % of them")


def _told_if_stuck(ramp: RampState, found: Decision, rules: RampRules) -> Decision:
    """Turn holding and waiting into an alert when the step has lasted for too long."""
    if found.kind not in {"hold", "wait"} or found.reason in _KNOWN_TO_PEOPLE:
        return found
    if ramp.step_s < rules.traffic.stuck_after_s:
        return found
    days = ramp.step_s / _DAY_S
    why = f"the step {rules.steps[ramp.step].name} lasts for {days:.0f} days by now: {found.why}"
    return Decision("alert", ramp.step, f"stuck:{found.reason}", why)


def _over(ramp: RampState, *_: object) -> Decision | None:
    if ramp.state in LIVE:
        return None
    return Decision("wait", ramp.step, "over", f"the ramp is over: {ramp.state}")


def _harmful(ramp: RampState, verdict: Verdict, rules: RampRules, _: datetime) -> Decision | None:
    if verdict.harm * rules.wrong_decisions.roll_back < 1:
        return None
    return Decision("roll_back", ramp.step, verdict.worst.metric, explain(verdict.worst))


def _assignments(
    ramp: RampState, verdict: Verdict, rules: RampRules, _: datetime
) -> Decision | None:
    if verdict.srm * rules.wrong_decisions.assignment < 1:
        return None
    why = (
        "listings do not reach the version as often as its weight says, so that what is compared"
        f" cannot be trusted (e-value {verdict.srm:.3g}): look for lost rows or keys that are"
        " not listings"
    )
    return Decision("alert", ramp.step, "assignment", why)


def _by_hand(ramp: RampState, _: Verdict, rules: RampRules, __: datetime) -> Decision | None:
    for state, why in _GOES_NO_FURTHER.items():
        if ramp.state == state:
            return Decision("wait", ramp.step, state.value, why)
    planned = rules.steps[ramp.step].weight
    if ramp.weight != planned:
        why = f"a person set the weight to {ramp.weight:g} %, the step's is {planned:g} %"
        return Decision("wait", ramp.step, "by_hand", why)
    if ramp.other_ramp is not None:
        why = f"version {ramp.other_ramp} is on its way, one at a time"
        return Decision("wait", ramp.step, "other_ramp", why)
    return None


def _little_traffic(ramp: RampState, _: Verdict, rules: RampRules, __: datetime) -> Decision | None:
    traffic = rules.traffic
    if ramp.listings_last_day >= traffic.listings_per_day:
        return None
    why = (
        f"{ramp.listings_last_day} listings were compared in the last day,"
        f" {traffic.listings_per_day} are needed to go on"
    )
    kind: Kind = "alert" if ramp.ramp_s >= traffic.alert_after_s else "hold"
    return Decision(kind, ramp.step, "little_traffic", why)


def _evidence(ramp: RampState, verdict: Verdict, rules: RampRules, _: datetime) -> Decision | None:
    if verdict.harm >= rules.wrong_decisions.suspect:
        why = f"under suspicion (e-value {verdict.harm:.3g}) for {explain(verdict.worst)}"
        return Decision("hold", ramp.step, "suspect", why)
    if verdict.unproven:
        why = f"not yet shown to be within its ceiling, {explain(verdict.unproven[0])}"
        return Decision("hold", ramp.step, "unproven", why)
    needed = rules.steps[ramp.step].answered
    if verdict.answered < needed:
        why = f"the version answered {verdict.answered} listings in this step, {needed} are needed"
        return Decision("hold", ramp.step, "answered", why)
    return None


def _timing(ramp: RampState, _: Verdict, rules: RampRules, now: datetime) -> Decision | None:
    left = rules.steps[ramp.step].dwell_s - ramp.step_s
    if left > 0:
        why = f"the step {rules.steps[ramp.step].name} lasts for {left / 60:.0f} minutes more"
        return Decision("wait", ramp.step, "dwell", why)
    if rules.quiet_hours.cover(now):
        return Decision("wait", ramp.step, "quiet_hours", "nothing is raised in quiet hours")
    last = ramp.step + 1 == len(rules.steps)
    following = PROMOTED if last else rules.steps[ramp.step + 1].name
    if following in rules.approval.before and not ramp.approved:
        why = f"a person must allow what follows ({following}): set the tag approval=approved"
        return Decision("wait", ramp.step, "approval", why)
    return None
