"""Trouble on purpose, so that sender and handler can be seen to bear it.

What happens to a delivery is drawn from the seed, its `webhook-id` and how often it came: the same
deliveries meet the same trouble, in whatever order they arrive.
"""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["none", "outage", "gone", "fail", "hang", "close"]
TROUBLES: Sequence[Kind] = ("outage", "gone", "fail", "hang", "close")


class Switches(BaseModel):
    """What goes wrong, and how often; all of it off unless switched on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fail_percent: float = Field(0, ge=0, le=100, description="answered with `fail_status`")
    fail_status: int = Field(503, ge=300, le=599, description="what failing answers with")
    retry_after_s: int | None = Field(
        None, ge=0, description="sent as Retry-After with every failure and outage"
    )
    outage_s: float = Field(0, ge=0, description="from now on everything is answered with 500")
    gone_percent: float = Field(0, ge=0, le=100, description="answered with 410: never again")
    hang_percent: float = Field(0, ge=0, le=100, description="not answered for `hang_s`")
    hang_s: float = Field(30, ge=0, description="how long hanging lasts")
    close_percent: float = Field(0, ge=0, le=100, description="the connection is closed early")
    close_at: Literal["before", "halfway"] = Field(
        "before", description="closed before the answer, or in the middle of it"
    )
    recorded_percent: float = Field(
        50, ge=0, le=100, description="of what hangs or closes: taken in, only the answer is lost"
    )
    slow_s: float = Field(0, ge=0, description="how late every answer is")
    duplicate_percent: float = Field(
        0, ge=0, le=100, description="of what was taken in: comes a second time"
    )
    events: Sequence[str] = Field(
        (), description="only these are troubled, as `video-progress`; empty: all"
    )
    seed: int = Field(0, description="another seed, other deliveries in trouble")

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        total = self.fail_percent + self.gone_percent + self.hang_percent + self.close_percent
        if total > 100:
            raise ValueError(f"fail, gone, hang and close are {total:g} % together")
        return self


@dataclass(frozen=True)
class Trouble:
    """What a delivery meets.

    Attributes
    ----------
    recorded : whether it is taken in although its answer is lost
    duplicate : whether it comes a second time
    """

    kind: Kind
    recorded: bool = False
    duplicate: bool = False


class Sandbox:
    """The switches as they are set, and how often each delivery came since.

    Parameters
    ----------
    first : how they are set at the start and after a reset
    """

    def __init__(self, first: Switches | None = None) -> None:
        self._first = first or Switches()
        self.set(self._first)

    def set(self, switches: Switches) -> None:
        """Set the switches; an outage begins now."""
        self.switches = switches
        self._outage_until = time.monotonic() + switches.outage_s
        self._seen: Counter[str] = Counter()

    def reset(self) -> None:
        """Set them as they were at the start, but for its outage."""
        self.set(self._first.model_copy(update={"outage_s": 0.0}))

    def meet(self, webhook_id: str, event: str) -> Trouble:
        """Say what happens to a delivery that has come."""
        switches = self.switches
        if switches.events and event not in switches.events:
            return Trouble("none")
        if time.monotonic() < self._outage_until:
            return Trouble("outage")
        self._seen[webhook_id] += 1
        draw = draws(switches.seed, webhook_id, self._seen[webhook_id])
        return Trouble(
            _kind(switches, 100 * draw.random()),
            recorded=100 * draw.random() < switches.recorded_percent,
            duplicate=100 * draw.random() < switches.duplicate_percent,
        )


def draws(seed: int, webhook_id: str, receipt: int) -> random.Random:
    """Return the random numbers of one receipt of one delivery."""
    digest = hashlib.sha256(f"{seed} {webhook_id} {receipt}".encode()).digest()
    return random.Random(int.from_bytes(digest[:8]))


def _kind(switches: Switches, drawn: float) -> Kind:
    shares: tuple[tuple[Kind, float], ...] = (
        ("gone", switches.gone_percent),
        ("fail", switches.fail_percent),
        ("hang", switches.hang_percent),
        ("close", switches.close_percent),
    )
    for kind, percent in shares:
        if drawn < percent:
            return kind
        drawn -= percent
    return "none"
