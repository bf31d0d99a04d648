"""Which versions stand beside the champions now, as this process may use them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache

from serving import metrics
from serving.card import ModelCard
from serving.errors import StudioError
from serving.models.local import ModelVersion, Pin
from serving.models.routing import CHAMPION, Route
from serving.models.slots import Published, Slots, route_of
from serving.storage.interface import Storage
from serving.storage.objects import read_by_sha256
from serving.storage.prefixes import MODELS

log = logging.getLogger(__name__)

_CARDS = 32
# a version that became the champion answers in its old slot so much longer: elsewhere the champion
# before it may still be the one that answers
_PROMOTED_S = 5.0


@dataclass(frozen=True)
class TaskRoute:
    """Who answers a task, and which versions stand beside its champion.

    Attributes
    ----------
    versions : by slot; one that cannot be read is missing, and the champion answers for it
    champion : the version they stand beside; who answers which listing does not depend on it
    """

    route: Route
    versions: Mapping[str, ModelVersion]
    champion: str = field(default="", compare=False)

    def share(self, slot: str) -> float:
        """Return the share of listings that a slot answers, 0..1."""
        return sum(arm.weight for arm in self.route.arms if arm.slot == slot) / 100


@dataclass(frozen=True)
class _Step:
    """A route that holds from a moment on, to the next step's."""

    at: float
    route: TaskRoute | None


@dataclass
class _Known:
    """What is known of a task; `wanted` holds when the last of the `coming` steps has come."""

    now: TaskRoute | None = None
    wanted: TaskRoute | None = None
    coming: tuple[_Step, ...] = ()
    running: dict[str, str] = field(default_factory=dict)

    def name_champion(self, wanted: TaskRoute) -> None:
        """Let all steps stand beside the champion of `wanted`, but for other versions' routes."""

        def name(route: TaskRoute | None) -> TaskRoute | None:
            if route is None or route.versions != wanted.versions:
                return route
            return replace(route, champion=wanted.champion)

        self.now = name(self.now)
        self.coming = tuple(replace(step, route=name(step.route)) for step in self.coming)


class Routes:
    """The routes of all tasks, as `slots` says.

    `apply` is given to a `SlotFollower`, after the models of this process were brought in line: a
    version that was promoted then answers as the champion before its old slot is no longer asked.

    Several processes hear of a change one after the other. Less traffic holds at once. More traffic
    holds everywhere from the same moment on, `together_s` after the row was changed by the
    database's clock: otherwise a listing that is new to a version would be answered by it in one
    process, and by the champion again a moment later in another. A process that starts meanwhile
    reads from the row what holds until then.

    Parameters
    ----------
    storage : where the versions' cards lie
    together_s : in which every process has heard of a change; more than it looks for changes
    """

    def __init__(
        self,
        storage: Storage,
        together_s: float = 2.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage, self._together_s, self._clock = storage, together_s, clock
        self._lock = threading.Lock()
        self._tasks: dict[str, _Known] = {}
        self._cards: LRUCache[str, ModelCard] = LRUCache(_CARDS)
        self._shown: set[tuple[str, str, str]] = set()

    def of(self, task: str) -> TaskRoute | None:
        """Return the route of a task; None: the champion stands alone."""
        known = self._tasks.get(task)
        if known is None:
            return None
        coming = known.coming
        if coming and self._clock() >= coming[0].at:
            with self._lock:
                while known.coming and self._clock() >= known.coming[0].at:
                    known.now, known.coming = known.coming[0].route, known.coming[1:]
                _show_weight(task, known.now)
        return known.now

    def runs(self, task: str, version: ModelVersion) -> bool:
        """Say whether a version is in its slot now, and may be asked."""
        known = self._tasks.get(task)
        return known is not None and known.running.get(version.slot) == version.identity

    def is_champion(self, task: str, version: ModelVersion) -> bool:
        """Say whether a version is published as the champion now."""
        known = self._tasks.get(task)
        return known is not None and known.running.get(CHAMPION) == version.identity

    def apply(self, slots: Slots) -> None:
        """Bring the routes in line with the published slots."""
        shown = {(row.task, row.slot, row.version) for row in slots.values()}
        for labels in self._shown - shown:
            metrics.SLOT_INFO.remove(*labels)
        for labels in shown:
            metrics.SLOT_INFO.labels(*labels).set(1)
        self._shown = shown
        for task in {task for task, _ in slots} | self._tasks.keys():
            self._apply(task, slots)

    def version(self, task: str, pin: Pin) -> ModelVersion | None:
        """Return a version that was pinned; None if its card cannot be read."""
        published = Published.pinned(task, pin)
        return self._read(published)

    def _apply(self, task: str, slots: Slots) -> None:
        rows = [row for (of, _), row in slots.items() if of == task and row.runs]
        beside = [row for row in rows if row.slot != CHAMPION]
        found = {row.slot: self._read(row) for row in beside}
        versions = {slot: version for slot, version in found.items() if version is not None}
        champion = next((row.version for row in rows if row.slot == CHAMPION), "")
        wanted = TaskRoute(route_of(slots, task), versions, champion) if beside else None
        with self._lock:
            known = self._tasks.setdefault(task, _Known())
            known.running = {row.slot: row.identity for row in rows}
            if wanted != known.wanted:
                first, *coming = self._plan(known, wanted, beside)
                known.now, known.coming = first.route, tuple(coming)
                _show_weight(task, known.now)
            elif wanted is not None:
                # the plan is kept: worked out anew, its moments would move by what reading took
                known.name_champion(wanted)
            known.wanted = wanted

    def _plan(
        self, known: _Known, wanted: TaskRoute | None, beside: list[Published]
    ) -> tuple[_Step, ...]:
        """Return what holds now, and each step to what is wanted."""
        now, together_s = self._clock(), self._together_s
        champion = known.running.get(CHAMPION)
        if known.now is not None and _promoted(known.now, wanted, champion):
            return _Step(now, known.now), _Step(now + _PROMOTED_S, wanted)
        if wanted is None:
            return (_Step(now, None),)
        moments = {at for row in beside for at in row.raises(together_s) if at > now}
        task = wanted.route.task
        steps = []
        for moment in (now, *sorted(moments)):
            slots = {(task, row.slot): row.at(moment, together_s) for row in beside}
            steps.append(_Step(moment, replace(wanted, route=route_of(slots, task))))
        return tuple(steps)

    def _read(self, row: Published) -> ModelVersion | None:
        """Return a version with its card, from this process or the storage; None if it cannot."""
        card = self._cards.get(row.card_sha256)
        if card is None:
            try:
                card = ModelCard.model_validate_json(
                    read_by_sha256(self._storage, MODELS, row.card_sha256)
                )
            except (StudioError, OSError, ValueError, BotoCoreError, ClientError) as error:
                log.warning("the card of %s %s cannot be read: %s", row.task, row.slot, error)
                return None
            self._cards[row.card_sha256] = card
        return ModelVersion(card, row.version, row.slot, row.model_sha256, row.card_sha256)


def _promoted(now: TaskRoute, wanted: TaskRoute | None, champion: str | None) -> bool:
    """Say whether a version left its slot because it is the champion now."""
    left = {v.identity for v in now.versions.values()}
    left -= {v.identity for v in wanted.versions.values()} if wanted else set()
    return champion in left


def _show_weight(task: str, route: TaskRoute | None) -> None:
    weight = sum(arm.weight for arm in route.route.arms) if route else 0.0
    metrics.CANARY_WEIGHT.labels(task).set(weight / 100)
