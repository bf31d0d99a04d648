"""Which versions stand beside the champions now, as this process may use them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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


@dataclass
class _Next:
    """A route that holds from a moment on; before it, the one before."""

    route: TaskRoute | None
    at: float


@dataclass
class _Known:
    """What is known of a task."""

    now: TaskRoute | None = None
    next: _Next | None = None
    running: dict[str, str] = field(default_factory=dict)


class Routes:
    """The routes of all tasks, as `slots` says.

    `apply` is given to a `SlotFollower`, after the models of this process were brought in line: a
    version that was promoted then answers as the champion before its old slot is no longer asked.

    Several processes hear of a change one after the other. Less traffic holds at once. More traffic
    holds everywhere from the same moment on, `together_s` after the row was changed by the
    database's clock: otherwise a listing that is new to a version would be answered by it in one
    process, and by the champion again a moment later in another.

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
        self._applied = False
        self._shown: set[tuple[str, str, str]] = set()

    def of(self, task: str) -> TaskRoute | None:
        """Return the route of a task; None: the champion stands alone."""
        known = self._tasks.get(task)
        if known is None:
            return None
        coming = known.next
        if coming is not None and self._clock() >= coming.at:
            with self._lock:
                if known.next is coming:
                    known.now, known.next = coming.route, None
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
        self._applied = True

    def version(self, task: str, pin: Pin) -> ModelVersion | None:
        """Return a version that was pinned; None if its card cannot be read."""
        published = Published.pinned(task, pin)
        return self._read(published)

    def _apply(self, task: str, slots: Slots) -> None:
        rows = [row for (of, _), row in slots.items() if of == task and row.runs]
        route = route_of(slots, task)
        beside = [row for row in rows if row.slot != CHAMPION]
        found = {row.slot: self._read(row) for row in beside}
        versions = {slot: version for slot, version in found.items() if version is not None}
        champion = next((row.version for row in rows if row.slot == CHAMPION), "")
        wanted = TaskRoute(route, versions, champion) if beside else None
        with self._lock:
            known = self._tasks.setdefault(task, _Known())
            known.running = {row.slot: row.identity for row in rows}
            wait_s = self._wait_s(known, wanted, beside)
            if wait_s <= 0:
                known.now, known.next = wanted, None
                _show_weight(task, wanted)
            elif known.next is None or known.next.route != wanted:
                known.next = _Next(wanted, self._clock() + wait_s)
            else:
                known.next.route = wanted  # beside another champion, perhaps

    def _wait_s(self, known: _Known, wanted: TaskRoute | None, beside: list[Published]) -> float:
        """Return for how long the route stays as it is."""
        if not self._applied or known.now == wanted:
            return 0.0
        champion = known.running.get(CHAMPION)
        if known.now is not None and _promoted(known.now, wanted, champion):
            return _PROMOTED_S
        if not _only_adds(known.now, wanted):
            return 0.0
        return self._together_s - min((row.age_s for row in beside), default=0.0)

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


def _only_adds(now: TaskRoute | None, wanted: TaskRoute | None) -> bool:
    """Say whether no version loses traffic, or changes."""
    if wanted is None:
        return False
    if now is None:
        return True
    before = {slot: version.identity for slot, version in now.versions.items()}
    after = {slot: version.identity for slot, version in wanted.versions.items()}
    if any(after.get(slot) != identity for slot, identity in before.items()):
        return False
    weights = {arm.slot: arm.weight for arm in wanted.route.arms}
    return now.route.salt == wanted.route.salt and all(
        weights.get(arm.slot, 0.0) >= arm.weight for arm in now.route.arms
    )


def _show_weight(task: str, route: TaskRoute | None) -> None:
    weight = sum(arm.weight for arm in route.route.arms) if route else 0.0
    metrics.CANARY_WEIGHT.labels(task).set(weight / 100)
