"""What to do with a ramp, decided from values alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from registry.evidence import Verdict
from registry.ramp.rules import RampRules

Kind = Literal["advance", "hold", "roll_back", "promote", "alert", "wait"]
State = Literal["running", "paused", "waiting", "rolled_back", "promoted"]


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
    state: State = "running"
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

    Whatever else holds, evidence of harm rolls back. Nothing is raised against a person's hand.
    """
    raise NotImplementedError
