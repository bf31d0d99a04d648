"""How much worse than the champion a version may be, and how sure we want to be of it.

The part of a ramp's rules that `registry.evidence` needs; `registry.ramp.rules` reads it from YAML.
Every value stands with its reason.
"""

from collections.abc import Mapping
from math import isfinite

from pydantic import BaseModel, ConfigDict, Field, model_validator

_HIGHEST = 0.99  # a ceiling that a share can still exceed


class Stated(BaseModel):
    """A part of the rules; `why` says what stands behind its values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: str = Field(min_length=10)


class Excess(Stated):
    """How many more of 1 listings may meet something bad with the version than with the champion.

    Attributes
    ----------
    ceiling : share of listings, on top of the champion's own share of the same listings
    weight : the part of the stake that is bet on this metric
    """

    ceiling: float = Field(gt=0, lt=0.5)
    weight: float = Field(ge=0, le=1)


class Ratio(Stated):
    """How many times as often as the champion the version may be overridden by people."""

    ceiling: float = Field(ge=1)
    weight: float = Field(ge=0, le=1)


class Share(Stated):
    """Of the photos on which both differ and a person spoke: how often the version may be wrong."""

    ceiling: float = Field(ge=0.5, lt=1)
    weight: float = Field(ge=0, le=1)


class Forecasted(Stated):
    """How far from the champion's answers the version's may lie: what the gates forecast, and more.

    With a forecast the ceiling is the forecast's upper bound, `times` it, `plus` an allowance for
    photos that are not like the frozen set's.

    Attributes
    ----------
    unforeseen : the ceiling where there is no forecast
    group_plus, group_unforeseen : the same for one group, such as one room
    group_weight : the part of the stake that all groups share
    """

    times: float = Field(ge=1)
    plus: float = Field(gt=0, lt=1)
    unforeseen: float = Field(gt=0, lt=1)
    group_plus: float = Field(gt=0, lt=1)
    group_unforeseen: float = Field(gt=0, lt=1)
    weight: float = Field(ge=0, le=1)
    group_weight: float = Field(ge=0, le=1)

    def ceiling(self, forecast_high: float | None, *, group: bool) -> float:
        """Return the ceiling of all photos or of a group, by the forecast's upper bound.

        Examples
        --------
        >>> rooms = Forecasted(why="an example", times=1.25, plus=0.03, unforeseen=0.08,
        ...     group_plus=0.05, group_unforeseen=0.25, weight=0.1, group_weight=0.15)
        >>> rooms.ceiling(0.04, group=False), rooms.ceiling(None, group=True)
        (0.08, 0.25)
        """
        if forecast_high is None or not is_foreseen(forecast_high):
            return self.group_unforeseen if group else self.unforeseen
        plus = self.group_plus if group else self.plus
        return min(forecast_high * self.times + plus, _HIGHEST)


class Sided(Stated):
    """How much surer than the champion the version may be on average, and how much less sure.

    The ceiling of a side is how far the forecast's interval reaches to it, `plus` an allowance for
    photos that are not like the frozen set's.

    Attributes
    ----------
    unforeseen : the ceiling of either side where there is no forecast
    widest : a listing's mean counts as no more than that, so that bets on small means are large
    weight : the part of the stake that is bet on each side
    """

    plus: float = Field(gt=0, lt=1)
    unforeseen: float = Field(gt=0, lt=1)
    widest: float = Field(gt=0, le=1)
    weight: float = Field(ge=0, le=0.5)

    def ceiling(self, known: Mapping[str, float], side: float) -> tuple[float, bool]:
        """Return the ceiling of a side, and whether the forecast gave it.

        Parameters
        ----------
        known : the forecast's `shift_low` and `shift_high` of all photos, if it has them
        side : 1 is surer, -1 less sure

        Examples
        --------
        >>> sides = Sided(why="an example", plus=0.01, unforeseen=0.015, widest=0.2, weight=0.05)
        >>> known = {"shift_low": 0.01, "shift_high": 0.02}
        >>> sides.ceiling(known, 1), sides.ceiling(known, -1), sides.ceiling({}, 1)
        ((0.03, True), (0.01, True), (0.015, False))
        """
        end = known.get("shift_high" if side > 0 else "shift_low")
        if end is None or not is_foreseen(end):
            return self.unforeseen, False
        return max(side * end, 0.0) + self.plus, True


def is_foreseen(forecast_high: float | None) -> bool:
    """Say whether a forecast has an upper bound that a ceiling can follow."""
    return forecast_high is not None and isfinite(forecast_high)


class Error(Stated):
    """How often a decision may be wrong.

    Attributes
    ----------
    roll_back : the chance that a version at its ceilings is ever rolled back in a whole ramp
    advance : the chance that a version above a ceiling is taken for one below it
    assignment : the chance that sound assignments are ever called wrong
    suspect : a ramp holds while the evidence of harm is above this, 1 being none
    """

    roll_back: float = Field(gt=0, le=0.1)
    advance: float = Field(gt=0, le=0.1)
    assignment: float = Field(gt=0, le=0.1)
    suspect: float = Field(gt=1)


class Limits(BaseModel):
    """What evidence is held against; the weights of all metrics sum to 1.

    `certainty`: None where a ramp began before it was watched.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: Excess
    slow: Excess
    override: Ratio
    discordant: Share
    disagreement: Forecasted
    distance: Forecasted
    certainty: Sided | None = None
    wrong_decisions: Error

    @model_validator(mode="after")
    def _one_stake(self) -> "Limits":
        of_all = (self.error, self.slow, self.override, self.discordant)
        compared = (self.disagreement, self.distance)
        stake = sum(one.weight for one in of_all)
        stake += sum(one.weight + one.group_weight for one in compared)
        stake += 2 * self.certainty.weight if self.certainty else 0.0
        if abs(stake - 1) > 1e-9:
            raise ValueError(f"the weights of all metrics sum to {stake:g}, not to 1")
        return self
