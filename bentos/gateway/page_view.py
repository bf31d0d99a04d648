"""What a job's page says, worked out from its history; the templates only lay it out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor
from typing import Literal

from bentos.gateway.formatting import describe_reference, readable_name
from bentos.gateway.history_lines import EVENT_KINDS, HistoryLine, format_history
from bentos.gateway.links import Reader
from serving.db.status import LIVE_DELIVERY, LIVE_JOB, DeliveryStatus, JobStatus
from serving.db.tables import Job, Json
from serving.jobs.history import Delivery, JobHistory
from serving.jobs.kinds import kind_of

Show = Literal["check", "failed"]
PHOTOS_A_PAGE = 60
_DELIVERIES_SHOWN = 20

_ADVICE: Mapping[str, str] = {
    "bad_input": "Sending the same again will not help. Correct what was sent and post a new job.",
    "faulty_output": "The {noun} did not pass its check and was not handed out. Look at the frame "
    "below; another template or photo may do, and the log tells more under this job's id.",
    "transient": "When the cause is gone, run the job again: it goes on from what it has made.",
    "worker_lost": "Something in this job ended its workers, memory most often. Look at the last "
    "lines of a worker's log, then run it again.",
    "internal": "This is ours to mend: the worker's log tells more under this job's id. "
    "Then run it again.",
    "cancelled": "Nothing has to be done. If it is wanted after all, post a new job.",
}


@dataclass(frozen=True)
class PhotoView:
    """A photo of the job.

    Attributes
    ----------
    result : what was found in it, or made of it; None while it waits
    preview : the file that shows what there is of that so far, beside the job's page
    """

    number: int
    name: str
    address: str
    result: Json | None
    preview: str | None


@dataclass(frozen=True)
class ModelView:
    """A model version that the job works with."""

    task: str
    version: str
    slot: str
    demo: bool


class JobPage:
    """A job's history in the words and order that people read it in.

    Parameters
    ----------
    show : only the photos to check, or those that could not be read; None: all
    start : the first photo shown, of many
    """

    kinds = EVENT_KINDS

    def __init__(
        self, history: JobHistory, reader: Reader, show: Show | None = None, start: int = 0
    ) -> None:
        self.job: Job = history.job
        self._history, self._reader = history, reader
        self.show, self.start = show, start
        photos = self.job.input.get("photos", ())
        self._references = [str(p["photo"] if isinstance(p, dict) else p) for p in photos]
        self._results: list[Json] = (self.job.result or {}).get("results", [])

    def link_to(self, place: str, **more: object) -> str:
        """Return an address beside this page, which opens to whoever this page opened to."""
        return self._reader.link_to(place, **more)

    @property
    def title(self) -> str:
        """What is done: `Classify photos`."""
        return readable_name(self.job.type).capitalize()

    @property
    def live(self) -> str:
        """What may still change: the `job`, or its `callbacks`, or nothing."""
        if self.job.status in LIVE_JOB:
            return "job"
        waiting = any(delivery.status in LIVE_DELIVERY for delivery in self.deliveries)
        return "callbacks" if waiting else ""

    @property
    def last_unit(self) -> str | None:
        """The unit that is counted last, whose end is the job's; None: any."""
        return kind_of(self.job.type).unit

    @property
    def left_of(self) -> str:
        """What the remaining time is of, if not of the job: films are counted one by one."""
        return " for this format" if len(self.job.input.get("formats") or ()) > 1 else ""

    @property
    def left(self) -> str:
        """How long it will take yet, `· about 40 s left`; empty while nothing is known of it."""
        progress = self.job.progress or {}
        seconds = progress.get("remaining_s")
        if seconds is None or progress["done"] >= progress["total"]:
            return ""
        last = self.last_unit in (None, progress["unit"])
        running = self.job.status == JobStatus.PROCESSING
        return f"· {format_remaining(seconds)}{self.left_of}" if last and running else ""

    @property
    def last_event(self) -> int:
        """The newest event that the page tells of."""
        return self._history.events[-1].id if self._history.events else 0

    @property
    def took_s(self) -> float | None:
        """Seconds from acceptance to the end."""
        ended = self.job.completed_at
        return None if ended is None else (ended - self.job.created_at).total_seconds()

    @cached_property
    def history(self) -> Sequence[HistoryLine]:
        """What happened, oldest first."""
        return format_history(self._history.events)

    @property
    def advice(self) -> str:
        """What to do about the job's error."""
        advice = _ADVICE.get((self.job.error or {}).get("reason", ""), "")
        return advice.format(noun=kind_of(self.job.type).noun)

    @property
    def private(self) -> bool:
        """Whether something in the photos is to be hidden: they are not shown as they came."""
        return self.job.input.get("privacy") is not None

    @property
    def count(self) -> int:
        """How many photos the job has, of those that are asked for."""
        return len(self._numbers)

    @cached_property
    def photos(self) -> Sequence[PhotoView]:
        """Those of this page."""
        shown = self._numbers[self.start : self.start + PHOTOS_A_PAGE]
        return [self._photo(number) for number in shown]

    @property
    def earlier(self) -> int | None:
        """Where the photos before these begin."""
        return max(0, self.start - PHOTOS_A_PAGE) if self.start else None

    @property
    def later(self) -> int | None:
        """Where the photos after these begin."""
        after = self.start + PHOTOS_A_PAGE
        return after if after < self.count else None

    @cached_property
    def good(self) -> Sequence[Json]:
        """The results of photos that could be read."""
        return [result for result in self._results if not _is_failed(result)]

    @property
    def listing(self) -> Json | None:
        """What the photos are taken together: cover, order, views shown twice."""
        found: Json | None = (self.job.result or {}).get("listing")
        return found

    @property
    def failed(self) -> int:
        """How many photos could not be read."""
        return len(self._results) - len(self.good)

    @property
    def unsure(self) -> int:
        """How many photos are for a person to check."""
        return sum(_is_unsure(result) for result in self.good)

    def tally(self, field: str) -> Sequence[tuple[str, int]]:
        """Return how often each value of a result's field came, the most frequent first."""
        return Counter(str(result[field]) for result in self.good if field in result).most_common()

    @cached_property
    def models(self) -> Sequence[ModelView]:
        """Those that answered; before that, those that the first attempt pinned."""
        used = {
            _model(result["model"], result["demo"]) for result in self.good if "model" in result
        }
        pinned = [
            _model(pin | {"name": task}, demo=False)
            for task, pin in (self.job.versions or {}).items()
        ]
        answering = {model.task for model in used}
        models = [*used, *(model for model in pinned if model.task not in answering)]
        return sorted(models, key=lambda model: (model.task, model.version))

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """The newest callbacks; progress that something newer made needless is left out."""
        superseded = DeliveryStatus.SUPERSEDED
        shown = [known for known in self._history.deliveries if known.status != superseded]
        return shown[-_DELIVERIES_SHOWN:]

    @cached_property
    def _numbers(self) -> Sequence[int]:
        if self.show is None:
            return range(len(self._references))
        wanted = _is_unsure if self.show == "check" else _is_failed
        return [number for number, result in enumerate(self._results) if wanted(result)]

    def _photo(self, number: int) -> PhotoView:
        name, address = describe_reference(self._references[number])
        result = self._results[number] if number < len(self._results) else None
        preview = self._previews.get(number)
        return PhotoView(number, name, address, result, preview and self.link_to(preview))

    @cached_property
    def _previews(self) -> Mapping[int, str]:
        """The newest small version of each photo, by its number."""
        mark = f"{self.job.id}/"
        return {
            event.data["number"]: f"files/{event.data['preview'].partition(mark)[2]}"
            for event in self._history.events
            if event.kind == "preview"
        }


def format_remaining(seconds: float) -> str:
    """Say how long something will take yet, no more exactly than can be known.

    Examples
    --------
    >>> [format_remaining(seconds) for seconds in (3, 38.2, 58, 200, 5000)]
    ['a few seconds left', 'about 40 s left', 'about 1 min left', 'about 3 min left', 'about 1 h 23 min left']
    """  # noqa: E501
    if seconds < 7.5:
        return "a few seconds left"
    if seconds < 57.5:
        return f"about {5 * floor(seconds / 5 + 0.5)} s left"
    minutes = floor(seconds / 60 + 0.5)
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60} min left"


def _is_failed(result: Json) -> bool:
    return "error" in result


def _is_unsure(result: Json) -> bool:
    return result.get("confident") is False


def _model(used: Json, demo: bool) -> ModelView:
    return ModelView(used["name"], str(used.get("version", "?")), str(used.get("slot", "?")), demo)
