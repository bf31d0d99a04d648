"""What an experiment has found: rates with their intervals, and whether it is decided."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import exp, inf
from typing import Any

from pydantic import TypeAdapter
from scipy.stats import chisquare
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from registry.experiments.counts import Counts
from registry.experiments.design import METRICS, Design, ExperimentArm
from registry.experiments.stopping import log_evidence, rate_ratio
from serving.models.routing import CHAMPION

_SKEWED = 0.001  # a p-value below this: the assignment is not as the weights say
_LARGEST = 700.0  # exp of more is no float


@dataclass(frozen=True)
class Interval:
    """From where to where, and what lies between; without `high` there is no upper bound."""

    low: float
    value: float | None
    high: float | None


@dataclass(frozen=True)
class ArmReport:
    """What is known of an arm.

    Attributes
    ----------
    rate : share of its listings that met what is counted, 0..1, with a Wilson interval
    difference : to the champion's rate (Newcombe's interval); None: of the champion
    ratio : to the champion's rate; its interval holds at every look
    evidence : e-value against "as good as the champion"; from 1/alpha for all arms it is decided
    """

    name: str
    version: str
    weight: float
    listings: int
    bad: int
    rate: Interval
    difference: Interval | None = None
    ratio: Interval | None = None
    evidence: float | None = None


@dataclass(frozen=True)
class Report:
    """What an experiment has found so far.

    Attributes
    ----------
    needed : the e-value from which an arm is told apart: the number of arms by alpha
    decided : whether it may end now
    sound : whether listings are assigned as the weights say
    verdict : one sentence
    """

    name: str
    task: str
    metric: str
    measured: str
    confidence: float
    arms: tuple[ArmReport, ...]
    needed: float
    decided: bool
    sound: bool
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return what a JSON column keeps of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Report":
        """Return what `as_json` was given."""
        return TypeAdapter(cls).validate_python(kept)

    def as_markdown(self) -> str:
        """Return it as a table under its sentence."""
        rows = "\n".join(f"| {' | '.join(_cells(arm))} |" for arm in self.arms)
        head = (
            "| arm | version | weight | listings | met it | share | times the champion | evidence |"
        )
        return f"{self.verdict}\n\n{head}\n|---|---|---|---|---|---|---|---|\n{rows}\n"


def _cells(arm: ArmReport) -> tuple[str, ...]:
    counts = (f"{arm.weight:g} %", f"{arm.listings:,}", f"{arm.bad:,}")
    found = (format_share(arm.rate), format_ratio(arm.ratio), format_number(arm.evidence))
    return (arm.name, arm.version, *counts, *found)


def make_report(
    design: Design, counts: Mapping[str, Counts], taken_back: Mapping[str, str] | None = None
) -> Report:
    """Work out what the counts say.

    Parameters
    ----------
    taken_back : why arms were taken back by the guard or a person, by slot: that ends it

    Intervals of rates and of their difference are for the end of an experiment whose size was fixed
    before; the ratio's and the evidence hold whenever one looks. All are by listing.
    """
    alpha = design.stop.alpha / len(design.arms)  # for every arm, so that all together keep alpha
    control = counts[CHAMPION]
    champion = ExperimentArm.model_construct(
        name=CHAMPION, version=design.champion, weight=design.control_weight
    )
    arms = (
        _describe(champion, control, alpha),
        *(_compare(design, arm, counts[arm.slot], control, alpha) for arm in design.arms),
    )
    sound = _is_sound(arms)
    decided, verdict = _judge(design, arms, 1 / alpha, sound)
    for slot, reason in (taken_back or {}).items():
        decided, verdict = True, f"{slot} was taken back: {reason}. {verdict}"
    return Report(
        design.name,
        design.task,
        design.metric,
        METRICS[design.metric],
        1 - alpha,
        arms,
        1 / alpha,
        decided,
        sound,
        verdict,
    )


def _describe(arm: ExperimentArm, counts: Counts, alpha: float) -> ArmReport:
    rate = Interval(0.0, None, 1.0)
    if counts.listings:
        low, high = proportion_confint(counts.bad, counts.listings, alpha, method="wilson")
        rate = Interval(float(low), counts.bad / counts.listings, float(high))
    return ArmReport(arm.name, arm.version, arm.weight, counts.listings, counts.bad, rate)


def _compare(
    design: Design, arm: ExperimentArm, counts: Counts, control: Counts, alpha: float
) -> ArmReport:
    told = _describe(arm, counts, alpha)
    share = _share(design, arm)
    difference = Interval(-1.0, None, 1.0)
    if counts.listings and control.listings:
        low, high = confint_proportions_2indep(
            counts.bad, counts.listings, control.bad, control.listings,
            method="newcomb", compare="diff", alpha=alpha,
        )  # fmt: skip
        apart = counts.bad / counts.listings - control.bad / control.listings
        difference = Interval(float(low), apart, float(high))
    ratio = rate_ratio(counts.bad, control.bad, share, alpha)
    odds = share / (1 - share)
    likeliest = counts.bad / control.bad / odds if control.bad else None
    log_e = float(log_evidence(counts.bad, control.bad, share))
    return ArmReport(
        **{
            **{name: getattr(told, name) for name in _OF_EVERY_ARM},
            "difference": difference,
            "ratio": Interval(ratio.low, likeliest, None if ratio.high == inf else ratio.high),
            "evidence": exp(min(log_e, _LARGEST)),
        }
    )


_OF_EVERY_ARM = ("name", "version", "weight", "listings", "bad", "rate")


def _share(design: Design, arm: ExperimentArm) -> float:
    """Return the arm's part of its own and the champion's listings."""
    return arm.weight / (arm.weight + design.control_weight)


def _is_sound(arms: tuple[ArmReport, ...]) -> bool:
    listings, weights = [arm.listings for arm in arms], [arm.weight for arm in arms]
    total = sum(listings)
    if not total:
        return True
    expected = [total * weight / sum(weights) for weight in weights]
    return bool(chisquare(listings, expected).pvalue >= _SKEWED)


def _judge(
    design: Design, arms: tuple[ArmReport, ...], needed: float, sound: bool
) -> tuple[bool, str]:
    control, *others = arms
    if not sound:
        counts = ", ".join(f"{arm.name} {arm.listings:,}" for arm in arms)
        return (
            False,
            f"Nothing can be said: listings are not assigned as the weights say ({counts}).",
        )
    surest = max(others, key=lambda arm: arm.evidence or 0.0)
    if (surest.evidence or 0.0) >= needed:
        return True, _tell_difference(surest, control)
    if design.stop.listings and min(arm.listings for arm in arms) >= design.stop.listings:
        return True, f"It ends without a difference: {_tell_range(surest)}."
    missing = f"the evidence is {surest.evidence:.3g} and {needed:g} is needed"
    return False, f"It is not decided: {missing}; {_tell_range(surest)}."


def _tell_difference(arm: ArmReport, control: ArmReport) -> str:
    worse = (arm.difference.value or 0.0) > 0 if arm.difference else False
    shares = f"{_percent(arm)} of its listings against {_percent(control)}"
    return f"{arm.name} is {'worse' if worse else 'better'}: {shares}, {_tell_range(arm)}."


def _percent(arm: ArmReport) -> str:
    return f"{(arm.rate.value or 0.0) * 100:.1f} %"


def _tell_range(arm: ArmReport) -> str:
    """Say what the ratio may be.

    Examples
    --------
    >>> arm = ArmReport("a", "8", 50, 9, 1, Interval(0, 0.1, 1), ratio=Interval(0.5, 1, 2.25))
    >>> _tell_range(arm)
    'a meets it 0.50 to 2.25 times as often as the champion'
    """
    ratio = arm.ratio or Interval(0.0, None, None)
    if ratio.high is None:
        return f"{arm.name} meets it at least {ratio.low:.2f} times as often as the champion"
    return f"{arm.name} meets it {ratio.low:.2f} to {ratio.high:.2f} times as often as the champion"


def format_share(rate: Interval | None) -> str:
    """Return a share with its interval.

    Examples
    --------
    >>> format_share(Interval(0.02, 0.03, 0.0452))
    '3.0 % (2.0–4.5)'
    """
    if rate is None or rate.value is None or rate.high is None:
        return "–"
    return f"{rate.value * 100:.1f} % ({rate.low * 100:.1f}–{rate.high * 100:.1f})"


def format_ratio(ratio: Interval | None) -> str:
    """Return a ratio with its interval.

    Examples
    --------
    >>> format_ratio(Interval(0.5, None, None)), format_ratio(Interval(0.5, 1.0, 2.0))
    ('at least 0.50', '1.00 (0.50–2.00)')
    """
    if ratio is None:
        return "–"
    if ratio.high is None:
        return f"at least {ratio.low:.2f}"
    value = "0" if ratio.value is None else f"{ratio.value:.2f}"
    return f"{value} ({ratio.low:.2f}–{ratio.high:.2f})"


def format_number(value: float | None) -> str:
    """Return an e-value with three digits, or a dash.

    Examples
    --------
    >>> format_number(0.2431), format_number(1.2e7)
    ('0.243', 'over 10,000')
    """
    if value is None:
        return "–"
    return "over 10,000" if value > 10_000 else f"{value:.3g}"
