"""What evidence says of a version at one look."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10

from registry.bets import Stream


@dataclass(frozen=True)
class Finding:
    """What one metric of one group says.

    Attributes
    ----------
    mean, ceiling : what was observed and what is allowed, means over `seen`
    seen : listings or events that were observed
    log10 : log10 of the e-value, at most 300
    weight : the part of the stake that is bet on it
    foreseen : a forecast of this version gave the ceiling
    """

    metric: str
    group: str
    mean: float
    ceiling: float
    seen: int
    log10: float
    weight: float
    foreseen: bool = False

    @classmethod
    def of(cls, name: str, stream: Stream, e_value: float) -> "Finding":
        """Return what an e-value of a stream named `metric/group` says."""
        metric, _, group = name.partition("/")
        mean, ceiling = 0.0, stream.ceiling
        if stream.seen:
            mean, ceiling = stream.total / stream.seen, stream.allowed / stream.seen
        told = stream.seen, log10(e_value), stream.weight, stream.foreseen
        return cls(metric, group, mean, ceiling, *told)


@dataclass(frozen=True)
class Verdict:
    """What the evidence says now.

    Attributes
    ----------
    harm : e-value against "the version is within all ceilings"; 1 says nothing
    worst : what speaks most against it
    log10 : log10 of the e-value of harm of each metric, of its worst group
    unproven : what is not shown to be below its ceiling and must be, the furthest from it first;
        its log10 is that of the e-value against "the mean is at least the ceiling"
    srm : e-value against "listings are assigned as the weights say" (sample ratio mismatch)
    listings : listings compared
    answered : listings that the version answered since the step began
    """

    harm: float
    worst: Finding
    log10: Mapping[str, float]
    unproven: tuple[Finding, ...]
    srm: float
    listings: int
    answered: int

    @property
    def non_inferior(self) -> bool:
        """Whether everything that must be is shown to be below its ceiling."""
        return not self.unproven
