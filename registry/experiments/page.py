"""An experiment's report as a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.experiments.design import Design
from registry.experiments.report import (
    ArmReport,
    Interval,
    Report,
    format_number,
    format_ratio,
    format_share,
)
from registry.pages import render

_LEFT, _RIGHT = 230.0, 860.0  # of the plot, in a picture that is 1040 wide
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Tick:
    """A line of the plot's grid."""

    x: float
    label: str


@dataclass(frozen=True)
class Row:
    """An arm in the plot; places, not shares."""

    name: str
    version: str
    listings: str
    tone: str
    low: float
    value: float | None
    high: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Shares of listings side by side; `reference` is where the champion's is."""

    ticks: Sequence[Tick]
    rows: Sequence[Row]
    reference: float | None


def render_report(
    report: Report, design: Design, state: str, started_at: datetime, why: str = ""
) -> str:
    """Return an experiment's page: HTML that loads nothing from anywhere."""
    return render(
        "experiment.html.j2",
        report=report,
        state=state,
        tone=_tone(report),
        why=why,
        started_at=f"{started_at:%Y-%m-%d %H:%M} UTC",
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        plot=_draw(report),
        alpha=design.stop.alpha,
        listings=design.stop.listings,
        share=format_share,
        ratio=format_ratio,
        number=format_number,
        points=_format_points,
    )


def _tone(report: Report) -> str:
    worse = any(_side(arm, report.needed) == "worse" for arm in report.arms)
    if not report.sound or worse:
        return "bad"
    return "good" if report.decided else "warn"


def _draw(report: Report) -> Plot:
    end = max((arm.rate.high or 0 for arm in report.arms if arm.rate.value is not None), default=1)
    step = next((step for step in _STEPS if end / step <= 8), 0.25)
    top = max(step, -(-end // step) * step)

    def place(share: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * min(share / top, 1.0), 1)

    ticks = [Tick(place(n * step), f"{n * step * 100:g} %") for n in range(round(top / step) + 1)]
    control = report.arms[0].rate.value
    rows = [
        Row(
            arm.name,
            arm.version,
            f"{arm.listings:,}",
            _side(arm, report.needed),
            place(arm.rate.low),
            None if arm.rate.value is None else place(arm.rate.value),
            place(arm.rate.high or 0.0),
            format_share(arm.rate),
        )
        for arm in report.arms
    ]
    return Plot(ticks, rows, None if control is None else place(control))


def _side(arm: ArmReport, needed: float) -> str:
    if arm.difference is None:
        return "control"
    if (arm.evidence or 0.0) < needed:
        return ""
    return "worse" if (arm.difference.value or 0.0) > 0 else "better"


def _format_points(difference: Interval | None) -> str:
    """Return a difference of shares in percentage points.

    Examples
    --------
    >>> _format_points(Interval(-0.001, 0.01, 0.025))
    '+1.0 (-0.1 to +2.5)'
    """
    if difference is None or difference.value is None or difference.high is None:
        return "–"
    low, value, high = (
        100 * share for share in (difference.low, difference.value, difference.high)
    )
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
