"""What an experiment is: its arms, what is counted, and when it ends."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from serving.models.routing import CHAMPION, Arm, Route

ARM_PREFIX = "arm-"
Metric = Literal["override", "error", "slow", "rejected"]
METRICS: dict[Metric, str] = {
    "override": "listings in which a person corrected or rejected an answer",
    "error": "listings that met an error, or an answer of the champion in its place",
    "slow": "listings that met a slow answer",
    "rejected": "of the listings that a person looked at, those with an answer that was not right",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExperimentArm(_Frozen):
    """A version that answers a fixed share of listings.

    Attributes
    ----------
    weight : percent of listings
    """

    name: str
    version: str
    weight: float = Field(gt=0, lt=100)

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name) or name == CHAMPION:
            raise ValueError(f"an arm's name is of a-z, 0-9 and '-', and not '{CHAMPION}'")
        return name

    @property
    def slot(self) -> str:
        """Return the slot that its version is published in, which is its alias in MLflow too."""
        return f"{ARM_PREFIX}{self.name}"


class StopRule(_Frozen):
    """When an experiment is decided.

    Attributes
    ----------
    alpha : the chance that arms without a difference are ever told apart, however often one looks
    listings : of the smallest arm; with so many it ends without a difference; None: never
    """

    alpha: float = Field(0.05, gt=0, le=0.2)
    listings: int | None = Field(None, ge=10)


class Design(_Frozen):
    """An experiment as it is started; the listings that no arm takes are the champion's.

    Attributes
    ----------
    salt : which listings are whose; another experiment has another
    champion : the version that the arms are held against
    """

    name: str
    task: str
    champion: str
    arms: tuple[ExperimentArm, ...] = Field(min_length=1, max_length=8)
    metric: Metric
    salt: str
    stop: StopRule = StopRule()

    @model_validator(mode="after")
    def _fits(self) -> "Design":
        if not _NAME.fullmatch(self.name):
            raise ValueError("an experiment's name is of a-z, 0-9 and '-'")
        if sum(arm.weight for arm in self.arms) >= 100:
            raise ValueError("the arms' weights leave the champion no listings to compare with")
        for what, values in (("name", [a.name for a in self.arms]), ("version", self._versions)):
            if len(set(values)) < len(values):
                raise ValueError(f"two arms have the same {what}")
        if self.champion in self._versions:
            raise ValueError(f"version {self.champion} is the champion, and no arm beside it")
        return self

    @property
    def _versions(self) -> Sequence[str]:
        return [arm.version for arm in self.arms]

    @property
    def control_weight(self) -> float:
        """Return the percent of listings that stay with the champion."""
        return 100 - sum(arm.weight for arm in self.arms)

    @property
    def route(self) -> Route:
        """Return the route that serving makes of the arms: in the order of their slots."""
        arms = sorted((Arm(arm.slot, arm.weight) for arm in self.arms), key=lambda arm: arm.slot)
        return Route(self.task, self.salt, tuple(arms))
