"""A job's events as lines that people read: who did what, when, for how long, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bentos.gateway.formatting import format_duration, readable_name
from serving.jobs.events import Event

Tone = Literal["plain", "good", "warn", "bad"]


@dataclass(frozen=True)
class HistoryLine:
    """One thing that happened.

    Attributes
    ----------
    detail : the reason, or more about it; may be empty
    after_s : since what came before it: a wait, or an attempt; None if that is no news
    """

    at: datetime
    title: str
    detail: str
    tone: Tone
    after_s: float | None


def _accepted(event: Event) -> tuple[str, str, Tone]:
    priority = event.data.get("priority", 0)
    return "Accepted", f"priority {priority:+d}" if priority else "", "plain"


def _started(event: Event) -> tuple[str, str, Tone]:
    return f"Attempt {event.attempt} began", f"worker {_short(event.data.get('worker'))}", "plain"


def _will_retry(event: Event) -> tuple[str, str, Tone]:
    again = format_duration(float(event.data.get("again_in_s", 0)))
    return f"Attempt {event.attempt} failed", f"{_reason(event)} · again in {again}", "warn"


def _handed_back(event: Event) -> tuple[str, str, Tone]:
    return f"Attempt {event.attempt} handed back", "its worker was shown to stop", "warn"


def _worker_lost(event: Event) -> tuple[str, str, Tone]:
    return f"Attempt {event.attempt} lost its worker", "another takes over", "warn"


def _failed(event: Event) -> tuple[str, str, Tone]:
    return "Failed", _reason(event), "bad"


def _preview(event: Event) -> tuple[str, str, Tone]:
    return f"A small version of photo {int(event.data.get('number', 0)) + 1} is there", "", "plain"


_LINES: Mapping[str, Callable[[Event], tuple[str, str, Tone]]] = {
    "accepted": _accepted,
    "started": _started,
    "preview": _preview,
    "will_retry": _will_retry,
    "handed_back": _handed_back,
    "worker_lost": _worker_lost,
    "cancel_requested": lambda _: ("Asked to stop", "", "plain"),
    "redriven": lambda _: ("Sent on its way again", "", "plain"),
    "completed": lambda _: ("Completed", "", "good"),
    "failed": _failed,
    "cancelled": lambda _: ("Cancelled", "", "bad"),
}
EVENT_KINDS = tuple(_LINES)
_BEGINS = ("accepted", "redriven")


def format_history(events: Sequence[Event]) -> Sequence[HistoryLine]:
    """Return a line for each event; a kind that is not known here is shown by its name."""
    lines: list[HistoryLine] = []
    since: datetime | None = None
    for event in events:
        title, detail, tone = _LINES.get(event.kind, _other)(event)
        after_s = None if since is None else (event.at - since).total_seconds()
        timed = event.kind not in _BEGINS and event.kind in _LINES
        lines.append(HistoryLine(event.at, title, detail, tone, after_s if timed else None))
        if event.kind in _LINES and event.kind != "cancel_requested":
            since = event.at
    return lines


def _other(event: Event) -> tuple[str, str, Tone]:
    shown = ", ".join(f"{name}: {value}" for name, value in event.data.items())
    return readable_name(event.kind).capitalize(), shown[:300], "plain"


def _reason(event: Event) -> str:
    error = event.data.get("error") or {}
    return f"{readable_name(error.get('title', 'error'))}: {error.get('detail', '')}"


def _short(worker: object) -> str:
    return str(worker)[:8]
