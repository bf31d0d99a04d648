"""Asks a version beside the champion, in a process of its own, so that no fault of it is felt."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from serving.models.breaker import Breaker
from serving.models.fallback import Broken, Fallback, Reason, Said
from serving.models.local import ModelVersion
from serving.models.predictor import Prediction, Prepared
from serving.models.slot_address import NoAddress, SlotAddress, slot_address
from serving.models.slot_client import Question, client_of, find, predict
from serving.settings import Settings
from serving.tasks import AnyTask

log = logging.getLogger(__name__)
T = TypeVar("T")

# nobody waits for what is asked beside an answer: only one that hangs is given up, and none that a
# host with ten times as much to do as it can is slow with
_SHADOW_DEADLINES = 10
# a process begins so long after its version was published: 3 s of processor time, which took 92 s
# on a host with twelve times as much to do as it can
_STARTING_S = 300.0
_OPEN = "it failed three times in a row, or fell silent"


@dataclass
class _Slot:
    """What is known of the process of a slot, and how it is reached."""

    client: httpx.AsyncClient
    places: asyncio.Semaphore


@dataclass
class _Version:
    """What is known of a version: whether it answers.

    Attributes
    ----------
    heard : when anybody last had an answer of it, right or wrong
    waiting : the deadlines of callers who wait for it now
    """

    breaker: Breaker
    first_asked: float
    ready: bool = False
    heard: float = 0.0
    waiting: set[asyncio.Timeout] = field(default_factory=set)

    @property
    def starts(self) -> bool:
        """Say whether its process may not have begun yet."""
        return not self.ready and time.monotonic() - self.first_asked < _STARTING_S

    def failed(self, silent: bool) -> None:
        """Count a failure; where callers are not to wait any more, let go those who do."""
        self.breaker.failed(silent)
        if self.breaker.is_open:
            for deadline in self.waiting:
                if not deadline.expired():
                    deadline.reschedule(0.0)


class Challengers:
    """Asks the services of versions beside the champion; each question ends in time.

    All are asked in an event loop on a thread of its own. It gives up a question at its deadline
    whatever the other side does, that hangs, sends a byte now and then, or never ends, and no
    thread is left waiting.

    Parameters
    ----------
    address : of a task's slot
    deadline_s : for a caller who waits
    at_once : questions of callers that wait for one slot; as many again may be asked beside
    """

    def __init__(
        self,
        address: Callable[[str, str], SlotAddress],
        deadline_s: float = 0.5,
        at_once: int = 4,
    ) -> None:
        self._address, self._at_once = address, at_once
        self.deadline_s = deadline_s
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, str, bool], _Slot] = {}
        self._versions: dict[tuple[str, str, str], _Version] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slots", daemon=True)
        self._thread.start()

    def ask(
        self, task: AnyTask, version: ModelVersion, prepared: Prepared, beside: bool = False
    ) -> "Future[Said]":
        """Ask one version about one source; the future never raises, and is done in time.

        Parameters
        ----------
        version : that is to answer; its slot says who is asked
        beside : nobody waits for the answer
        """
        known = self._version(task.name, version)
        if not beside and known.breaker.is_open:
            reason = Reason.STARTING if known.starts else Reason.OPEN
            return _done(Fallback(reason, _OPEN))
        question = Question(task, version, prepared, beside, time.monotonic())
        return self._run(self._ask(question, known))

    def keep(self, running: Collection[tuple[str, str]]) -> None:
        """Forget all versions but those of slots (task, slot) that run.

        One that comes again has another process, which has yet to begin.
        """
        with self._lock:
            for key in [key for key in self._versions if key[:2] not in running]:
                del self._versions[key]

    def close(self) -> None:
        """Ask nobody any more."""
        if self._loop.is_running():
            self._run(self._close()).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _version(self, task: str, version: ModelVersion) -> _Version:
        key = task, version.slot, version.identity
        with self._lock:
            known = self._versions.get(key)
            if known is None:
                # another version in the slot: what was known of the one before it is of no use
                for old in [k for k in self._versions if k[:2] == key[:2]]:
                    del self._versions[old]
                known = self._versions[key] = _Version(Breaker(), time.monotonic())
            return known

    async def _ask(self, question: Question, known: "_Version") -> Said:
        try:
            said: Said = await self._answer(question, self._slot(question), known)
        except Broken as broken:
            said = Fallback(broken.reason, str(broken))
        except Exception as error:  # whatever a strange answer does to a parser
            log.exception("%s %s", question.task.name, question.version.slot)
            said = Fallback(Reason.ERROR, repr(error))
        return self._note(said, known, question.asked_at)

    async def _answer(
        self, question: Question, slot: "_Slot", known: "_Version"
    ) -> Prediction[Any]:
        deadline_s = self.deadline_s * (_SHADOW_DEADLINES if question.beside else 1)
        end = question.asked_at + deadline_s
        late = Reason.BUSY
        deadline = asyncio.timeout_at(end)
        try:
            async with _let_go(deadline, known, question), slot.places:
                # who waited long for a place cannot say that the answer took long
                if end - time.monotonic() > deadline_s / 2:
                    late = Reason.DEADLINE
                if not known.ready:
                    await find(slot.client, question)
                    known.ready = True
                return await predict(slot.client, question)
        except TimeoutError:
            if deadline.when() != end:
                raise Broken(Reason.OPEN, _OPEN) from None
            raise Broken(late, f"no answer in {deadline_s:g} s") from None

    def _note(self, said: Said, known: "_Version", asked_at: float) -> Said:
        now = time.monotonic()
        seconds = now - asked_at
        if isinstance(said, Prediction):
            known.heard = now
            # what is too late for a caller is no sign that callers may wait again
            if seconds <= self.deadline_s:
                known.breaker.answered()
            else:
                known.failed(silent=False)
            return said
        reason = said.reason
        if reason is Reason.DEADLINE:
            known.failed(silent=known.heard < asked_at)
        elif reason not in (Reason.BUSY, Reason.OPEN):
            known.heard = now
            known.failed(silent=False)
        if reason in (Reason.UNAVAILABLE, Reason.DEADLINE) and known.starts:
            reason = Reason.STARTING
        return Fallback(reason, said.said, seconds)

    def _slot(self, question: Question) -> "_Slot":
        task, slot = question.task.name, question.version.slot
        key = task, slot, question.beside
        if key not in self._slots:
            try:
                client = client_of(self._address(task, slot), self._at_once)
            except NoAddress as error:
                raise Broken(Reason.UNAVAILABLE, str(error)) from error
            self._slots[key] = _Slot(client, asyncio.Semaphore(self._at_once))
        return self._slots[key]

    async def _close(self) -> None:
        for slot in self._slots.values():
            await slot.client.aclose()


def open_challengers(settings: Settings) -> Challengers:
    """Return who asks the versions beside the champion, as the settings say where they are."""

    def address(task: str, slot: str) -> SlotAddress:
        return slot_address(settings, task, slot)

    return Challengers(address, settings.challenger_deadline_s, settings.challenger_requests)


@asynccontextmanager
async def _let_go(
    deadline: asyncio.Timeout, known: _Version, question: Question
) -> AsyncIterator[None]:
    """End what is within at the deadline, or as soon as no caller is to wait any more."""
    async with deadline:
        if not question.beside:
            known.waiting.add(deadline)
        try:
            yield
        finally:
            known.waiting.discard(deadline)


def _done(said: Said) -> "Future[Said]":
    future: Future[Said] = Future()
    future.set_result(said)
    return future
