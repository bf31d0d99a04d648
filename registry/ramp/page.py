"""The page of a version that was beside a champion: why it was kept or taken back, with pictures.

It is one file that loads nothing. `log_page` puts it beside the version in MLflow.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log10

from mlflow import MlflowClient
from sqlalchemy import Engine

from registry.evidence import ALL
from registry.pages import render
from registry.ramp.chart import draw
from registry.ramp.course import Course, read_course
from registry.ramp.differences import Difference, read_differences
from registry.ramp.sentences import explain, percent
from registry.ramp.shown import Place, mark_of, put_page
from registry.ramp.states import State
from registry.records import SIDES
from registry.runs import page_of
from registry.verdict import Finding
from serving.db.tables import Json
from serving.storage.interface import Storage

PAGE_FILE, PAGE_TAG = "ramp.html", "ramp.page"
_DECISIONS_SHOWN = 60
_TONES = {
    State.ROLLED_BACK: "bad",
    State.PROMOTED: "good",
    State.PROMOTING: "good",
    State.PAUSED: "warn",
    State.WAITING: "warn",
}


@dataclass(frozen=True)
class Shown:
    """A photo of the page: its picture as a data URI, and who said what of it.

    Attributes
    ----------
    mark : by which it is found in the page, to be taken out
    """

    mark: str
    picture: str
    said: Sequence[tuple[str, str, str]]
    distance: str


def render_page(engine: Engine, storage: Storage, task: str, version: str) -> str:
    """Return a version's page; BadInput if it never was beside a champion."""
    return _render(engine, storage, task, version)[0]


def _render(engine: Engine, storage: Storage, task: str, version: str) -> tuple[str, list[str]]:
    """Return a version's page, and the keys of the kept pictures that it shows."""
    course = read_course(engine, task, version)
    worst = course.verdict.worst
    first = worst.group if any(group.name == worst.group for group in course.groups) else None
    differences = read_differences(engine, storage, task, version, first)
    page = render(
        "version.html.j2",
        ramp=course.ramp,
        state=course.ramp.state.replace("_", " "),
        tone=_TONES.get(State(course.ramp.state), ""),
        why=_why(course),
        because=_because(course),
        chart=draw(course),
        decisions=course.decisions[-_DECISIONS_SHOWN:],
        step_name=lambda step: course.rules.steps[min(step, len(course.rules.steps) - 1)].name,
        groups=course.groups,
        worst_group=first,
        findings=_findings(course),
        photos=[show(one, course.ramp.champion, version) for one in differences],
        percent=percent,
        evidence=format_evidence,
        verdict=course.verdict,
        harm=log10(max(course.verdict.harm, 1e-6)),
        answered=course.evidence.answered,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return page, [one.object_key for one in differences]


def log_page(
    client: MlflowClient, engine: Engine, storage: Storage, task: str, version: str
) -> str:
    """Put a version's page beside its run in MLflow and link it by a tag; return the page."""
    page, shown = _render(engine, storage, task, version)
    found = client.get_model_version(task, version)
    if found.run_id:
        put_page(client, engine, Place(found.run_id, PAGE_FILE), page, shown)
        address = f"{page_of(client, found.run_id)}/artifacts/{PAGE_FILE}"
        client.set_model_version_tag(task, version, PAGE_TAG, address)
    return page


def show(one: Difference, champion: str, version: str) -> Shown:
    """Return a photo with what both versions and a person said, who was right in green."""
    ours, theirs = name_answer(one.challenger), name_answer(one.champion)
    person = readable(one.said) if one.said else ""

    def tone(label: str) -> str:
        if not person:
            return ""
        return "good" if label == person else "bad"

    said = [
        (f"champion {champion}", theirs[1], tone(theirs[0])),
        (f"version {version}", ours[1], tone(ours[0])),
        *([("a person", person, "")] if person else []),
    ]
    picture = f"data:image/webp;base64,{b64encode(one.picture).decode()}"
    return Shown(mark_of(one.object_key), picture, said, f"{one.distance:.2f}")


def name_answer(answer: Json) -> tuple[str, str]:
    """Return what an answer says, and the same with how sure it is.

    Examples
    --------
    >>> name_answer({"scores": {"living_room": 0.91, "kitchen": 0.09}})
    ('living room', 'living room 91 %')
    >>> name_answer({"score": 71.25})
    ('71', '71')
    """
    scores = answer.get("scores")
    if isinstance(scores, dict) and scores:
        label = max(scores, key=lambda name: scores[name])
        return readable(label), f"{readable(label)} {scores[label] * 100:.0f} %"
    score = answer.get("score")
    number = f"{score:.0f}" if isinstance(score, float | int) else "another answer"
    return number, number


def readable(label: str) -> str:
    """Return a label as people read it."""
    return label.replace("_", " ")


def format_evidence(log10: float) -> str:
    """Return an e-value as people read it.

    Examples
    --------
    >>> format_evidence(-0.3), format_evidence(1.2), format_evidence(2.5), format_evidence(12.0)
    ('0.5', '15.8', '316', 'over 10,000')
    """
    value = 10 ** min(log10, 5.0)
    if value > 10_000:
        return "over 10,000"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _why(course: Course) -> str:
    """Return the last decision that says why things are as they are."""
    telling = [one for one in course.decisions if one.decision in ("roll_back", "promote", "hold")]
    wanted = "roll_back" if course.ramp.state == State.ROLLED_BACK else None
    for one in reversed(telling):
        if wanted in (None, one.decision):
            return str(one.why)
    return course.ramp.why or "Nothing was decided yet."


def _because(course: Course) -> str:
    """Return what speaks most against it; nothing where the decision has said so."""
    worst = course.verdict.worst
    told = course.ramp.state == State.ROLLED_BACK or worst.log10 < 1
    return "" if told else f"{explain(worst)}."


def _findings(course: Course) -> Sequence[Finding]:
    """Return what every metric of all photos says, the worst first."""
    streams = course.evidence.streams
    found = [
        Finding.of(name, stream, stream.e_harm)
        for name, stream in streams.items()
        if (name.endswith(f"/{ALL}") or name in SIDES) and stream.weight > 0
    ]
    return sorted(found, key=lambda one: -one.log10)
