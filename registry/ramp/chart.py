"""Evidence over time as lines of a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, log10

from registry.ramp.course import Course

WIDTH, HEIGHT = 1040, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 1030.0, 14.0, 250.0
_LOWEST, _HIGHEST = -1.0, 6.0
_COLOURS = {
    "error": "#e11d48",
    "slow": "#d97706",
    "override": "#7c3aed",
    "discordant": "#0891b2",
    "disagreement": "#2563eb",
    "distance": "#16a34a",
    "certainty": "#c026d3",
}
_LABELS_APART = 46.0


@dataclass(frozen=True)
class Line:
    """A metric's evidence; `points` as SVG has them."""

    name: str
    colour: str
    points: str


@dataclass(frozen=True)
class Mark:
    """A place along an axis, with what stands there."""

    place: float
    label: str


@dataclass(frozen=True)
class Chart:
    """The picture; `limit` is where a version is rolled back. Evidence is on a scale of powers."""

    width: int
    height: int
    lines: Sequence[Line]
    harm: Line
    limit: Mark
    values: Sequence[Mark]
    times: Sequence[Mark]
    steps: Sequence[Mark]


def draw(course: Course) -> Chart | None:
    """Return the evidence over time; None: nothing was observed."""
    if not course.looks:
        return None
    first, last = course.ramp.started_at, course.looks[-1].at
    across = _scale(first, last)
    limit = -log10(course.rules.wrong_decisions.roll_back)
    most = max(look.harm for look in course.looks)
    top = min(_HIGHEST, max(limit + 0.5, ceil(most)))

    def up(value: float) -> float:
        part = (min(max(value, _LOWEST), top) - _LOWEST) / (top - _LOWEST)
        return round(_BOTTOM - part * (_BOTTOM - _TOP), 1)

    def line(name: str, colour: str, values: Sequence[float]) -> Line:
        places = [
            (across(look.at), up(value)) for look, value in zip(course.looks, values, strict=True)
        ]
        start = (across(first), up(0.0))
        return Line(name, colour, " ".join(f"{x},{y}" for x, y in (start, *places)))

    lines = [
        line(name, colour, [look.log10.get(name, 0.0) for look in course.looks])
        for name, colour in _COLOURS.items()
        if any(name in look.log10 for look in course.looks)
    ]
    harm = line("all together", "#1f2933", [look.harm for look in course.looks])
    values = [
        Mark(up(n), f"{10**n:,.0f}" if n >= 0 else f"{10**n:g}")
        for n in range(int(_LOWEST), int(top) + 1)
    ]
    return Chart(
        WIDTH,
        HEIGHT,
        lines,
        harm,
        Mark(up(limit), f"rolled back from {10**limit:,.0f}"),
        values,
        _times(first, last, across),
        _steps(course, across, last),
    )


_Across = Callable[[datetime], float]


def _scale(first: datetime, last: datetime) -> _Across:
    span_s = max((last - first).total_seconds(), 1.0)

    def across(at: datetime) -> float:
        part = min(max((at - first).total_seconds() / span_s, 0.0), 1.0)
        return round(_LEFT + part * (_RIGHT - _LEFT), 1)

    return across


def _times(first: datetime, last: datetime, across: _Across) -> list[Mark]:
    span = last - first
    form = "%d %b %H:%M" if span.total_seconds() > 86_400 else "%H:%M:%S"
    return [
        Mark(across(first + span * part), f"{first + span * part:{form}}")
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]


def _steps(course: Course, across: _Across, last: datetime) -> list[Mark]:
    """Return where the ramp went on to a step; of steps that lie close together the later one."""
    marks = [Mark(across(course.ramp.started_at), course.rules.steps[0].name)]
    for one in course.decisions:
        if one.decision == "advance" and one.step < len(course.rules.steps) and one.at <= last:
            if marks and across(one.at) - marks[-1].place < _LABELS_APART:
                marks.pop()
            marks.append(Mark(across(one.at), f"{course.rules.steps[one.step].weight:g} %"))
    return marks
