"""How a ramp stands, and what was decided about it, as rows of the database say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a ramp stands.

    Attributes
    ----------
    RUNNING : it goes on by itself
    PAUSED : a person has changed its traffic, or asked for it; it is watched and goes no further
    WAITING : an approval is missing
    FIXED : an arm of an experiment: it is watched, and its weight stays
    PROMOTING : it has passed; the publisher is to make it the champion
    PROMOTED : it is the champion, or was
    ROLLED_BACK : it was taken back
    WITHDRAWN : its alias was taken away, or another version has taken its place
    """

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    FIXED = "fixed"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    WITHDRAWN = "withdrawn"


# what the guard looks at
LIVE = (State.RUNNING, State.PAUSED, State.WAITING, State.FIXED, State.PROMOTING)


@dataclass(frozen=True)
class Decided:
    """A row of `ramp_decisions`.

    Attributes
    ----------
    decision : `begin`, `advance`, `hold`, `wait`, `alert`, `promote`, `promoted`, `roll_back`,
        `pause`, `resume`, `approve` or `withdraw`
    by : `guard`, `ramp`, or who asked for it
    why : one sentence
    details : what it was decided from: the step's weight, the verdict's figures
    through_id : the last of `ramp_inputs` that had been counted
    """

    id: int
    task: str
    version: str
    decision: str
    by: str
    step: int
    why: str
    details: dict[str, Any]
    through_id: int
    at: datetime
