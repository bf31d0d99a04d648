"""What a ramp does at which step, and when: read from YAML files, each value with its reason.

`registry/ramps/common.yaml` holds for every task; `registry/ramps/TASK.yaml` says what differs.
"""

from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import Field, field_validator, model_validator

from registry.limits import Limits, Stated
from serving.environment import read_settings

FOLDER = Path(__file__).resolve().parents[1] / "ramps"
PROMOTED = "promoted"  # what follows the last step


class Step(Stated):
    """How much of the traffic the version has, and what it must show before the next step.

    Attributes
    ----------
    weight : percent of listings that it answers; 0 is shadow
    dwell_s : how long it stays at least
    answered : how many listings it must have answered since the step began
    """

    name: str
    weight: float = Field(ge=0, le=100)
    dwell_s: float = Field(ge=0)
    answered: int = Field(ge=0)


class Traffic(Stated):
    """Without traffic nothing is known.

    Attributes
    ----------
    listings_per_day : compared in the last day, fewer and the ramp does not advance
    alert_after_s : how long a ramp may be short of listings before a person is told
    stuck_after_s : how long a step may last before a person is told
    """

    listings_per_day: int = Field(ge=1)
    alert_after_s: float = Field(gt=0)
    stuck_after_s: float = Field(gt=0)


class QuietHours(Stated):
    """When nothing is raised: from `begin` until `end`, and on the days of the week named.

    Attributes
    ----------
    begin, end : times of the day in `zone`; `begin` after `end` spans midnight; equal: none
    days : quiet all day, Monday is 0
    """

    zone: str = "UTC"
    begin: time = time(0)
    end: time = time(0)
    days: tuple[int, ...] = ()

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"there is no time zone {zone}")
        return zone

    def cover(self, now: datetime) -> bool:
        """Say whether it is quiet at a time, which must know its zone."""
        local = now.astimezone(ZoneInfo(self.zone))
        clock = local.time()
        if self.begin <= self.end:
            within = self.begin <= clock < self.end
        else:
            within = clock >= self.begin or clock < self.end
        return within or local.weekday() in self.days


class Approval(Stated):
    """Which steps a person must allow, by name; `promoted` is the end of the ramp."""

    before: tuple[str, ...] = ()


class RampRules(Limits):
    """All that a ramp goes by.

    Attributes
    ----------
    settle_s : how old a listing's first observation is when the listing is counted
    """

    steps: tuple[Step, ...] = Field(min_length=2)
    traffic: Traffic
    quiet_hours: QuietHours
    approval: Approval
    settle_s: float = Field(ge=0)

    @model_validator(mode="after")
    def _steps_rise(self) -> "RampRules":
        weights = [step.weight for step in self.steps]
        if weights != sorted(set(weights)) or weights[-1] != 100:
            raise ValueError(f"the steps' weights must rise and end with 100, not {weights}")
        known = {step.name for step in self.steps} | {PROMOTED}
        if unknown := set(self.approval.before) - known:
            raise ValueError(f"there is no step named {', '.join(sorted(unknown))} to approve")
        return self


def read_rules(task: str, folder: Path | None = None) -> RampRules:
    """Read the rules of a task: the common ones, and over them its own if it has any.

    Parameters
    ----------
    folder : None: the settings' `ramp_rules`, or the one that comes with the project

    Examples
    --------
    >>> [step.weight for step in read_rules("room-classifier").steps]
    [0.0, 1.0, 5.0, 25.0, 50.0, 100.0]
    """
    folder = folder or read_settings().ramp_rules or FOLDER
    rules = yaml.safe_load((folder / "common.yaml").read_text())
    own = folder / f"{task}.yaml"
    if own.is_file():
        rules = _merge(rules, yaml.safe_load(own.read_text()) or {})
    return RampRules.model_validate(rules)


def _merge(common: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return the common rules with what a task says instead, part by part."""
    merged = dict(common)
    for name, value in own.items():
        before = merged.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[name] = {**before, **value} if both else value  # type: ignore[dict-item]
    return merged
