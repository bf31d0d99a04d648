"""From the champion's answer to the one that is given, and to what is observed of both."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from serving import metrics
from serving.errors import BadInput, Busy, StudioError
from serving.models.asker import Asker
from serving.models.cached import recall, remember
from serving.models.challenger import Challengers, open_challengers
from serving.models.fallback import ASKED_AGAIN, NOT_ITS_FAULT, Fallback, Reason, Said
from serving.models.flags import tell_trace
from serving.models.local import ModelVersion
from serving.models.noting import Noted, Notes
from serving.models.observe import Observer
from serving.models.predictor import Prediction, Prepared, prepare
from serving.models.routes import Routes, TaskRoute
from serving.models.routing import CHALLENGER, CHAMPION, choose, is_shadowed
from serving.models.shadow import ShadowQueue
from serving.models.slots import Slots
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.interface import Storage
from serving.task import Size, Source
from serving.tasks import AnyTask

Outcome = Prediction[Any] | StudioError

_ANSWERED, _FALLBACK, _ERROR = "answered", "fallback", "error"
# nobody is kept from answering by what nobody waits for, but a breaker closes no other way
# a file that is no photo is none for another version either
_NOBODYS_FAULT = (BadInput, Busy)
# more than the time in which all have looked for changes
_HEARD_S = 0.5


@dataclass(frozen=True)
class Question:
    """One source, what the champion said of it, and whose turn it is.

    Attributes
    ----------
    slot : whose listing it is
    version : in that slot; None: the champion's turn, or it cannot be asked
    """

    task: AnyTask
    source: Source
    asker: Asker
    champion: Outcome
    route: TaskRoute | None
    key: str
    slot: str
    version: ModelVersion | None

    @property
    def asks(self) -> bool:
        """Say whether another version than the champion is to answer."""
        return self.slot != CHAMPION

    def challenger(self) -> ModelVersion | None:
        """Return the version that is asked besides; None: nobody is."""
        if self.route is None or not is_shadowed(self.route.route, self.key):
            return None
        version = self.route.versions.get(CHALLENGER)
        return None if _is_same(self.champion, version) else version


class Router:
    """Lets the version answer whose listing it is, and the champion where that does not.

    The champion has answered always, before anybody else is asked: its answer is there when
    another fails, and is compared with the other's.

    Parameters
    ----------
    answers : what versions are known to have said; None: nothing is remembered
    notes : where answers are noted
    """

    def __init__(
        self,
        routes: Routes,
        challengers: Challengers,
        shadow: ShadowQueue,
        answers: Answers | None,
        notes: Notes,
    ) -> None:
        self.routes, self.challengers, self.shadow = routes, challengers, shadow
        self._answers, self._notes = answers, notes

    def apply(self, slots: Slots) -> None:
        """Route as the published slots say."""
        self.routes.apply(slots)
        self.challengers.keep({key for key, row in slots.items() if row.runs})

    def question(
        self,
        task: AnyTask,
        source: Source,
        asker: Asker,
        champion: Outcome,
        route: TaskRoute | None,
    ) -> Question:
        """Return whose turn it is.

        Parameters
        ----------
        champion : what it said
        route : as it is now, or as a job keeps it; None: the champion stands alone
        """
        key = asker.key(source.sha256)
        slot = CHAMPION
        if route is not None and not isinstance(champion, _NOBODYS_FAULT):
            slot = choose(route.route, key)
        version = route.versions.get(slot) if route is not None else None
        if _is_same(champion, version):  # it was promoted, and has answered already
            slot, version = CHAMPION, None
        return Question(task, source, asker, champion, route, key, slot, version)

    def ask(self, question: Question) -> "Future[Said] | Said":
        """Ask the version whose turn it is; for a thread that may work."""
        version = question.version
        if version is None:
            return Fallback(Reason.UNAVAILABLE, "its card cannot be read")
        known = recall(self._answers, question.task, question.source, version)
        if known is not None:
            return known
        prepared = _prepared(question, version)
        if isinstance(prepared, StudioError):
            return Fallback(Reason.ERROR, str(prepared))
        return self.challengers.ask(question.task, version, prepared)

    def answer(self, question: Question, said: Said | None) -> Outcome:
        """Return the answer to give, and note it.

        Parameters
        ----------
        said : by the version whose turn it was; None: it was the champion's
        """
        if isinstance(question.champion, _NOBODYS_FAULT):
            return question.champion
        if isinstance(said, Prediction):
            remember(self._answers, question.task, question.source, said)
            outcome: Outcome = said
        else:
            outcome = question.champion
        self._count(question, said, outcome)
        tell_trace(question.task.name, question.key, outcome)
        self._note(question, said)
        return outcome

    def _note(self, question: Question, said: Said | None) -> None:
        noted, champion = self._noted(question), question.champion
        pair_id = None if isinstance(said, Prediction) else self._ask_later(question, said)
        if isinstance(champion, StudioError):
            self._notes.champion_failed(noted, champion, said is not None or pair_id is not None)
        if isinstance(said, Prediction):
            self._notes.served_by_other(noted, said)
            return
        if said is not None and said.reason not in (*ASKED_AGAIN, *NOT_ITS_FAULT):
            self._notes.fell_back(noted, said)
        self._notes.served_by_champion(noted, pair_id, fell_back=said is not None)

    def answer_now(self, question: Question) -> Outcome:
        """Ask, wait and answer; for a thread that may wait."""
        if not question.asks:
            return self.answer(question, None)
        said = self.ask(question)
        return self.answer(question, said.result() if isinstance(said, Future) else said)

    def close(self) -> None:
        """Ask nobody besides, and write what was observed."""
        self.shadow.close()
        self.challengers.close()
        self._notes.close()

    def _noted(self, question: Question, version: ModelVersion | None = None) -> Noted:
        """Return what is noted of a question, beside the version at issue."""
        route, champion = question.route, question.champion
        if version is None and route is not None:
            version = question.version or next(iter(route.versions.values()), None)
        share = route.share(version.slot) if route is not None and version is not None else 0.0
        given, number = None, route.champion if route is not None else ""
        if isinstance(champion, Prediction):
            given, number = champion, champion.version
        asker, sha256 = question.asker, question.source.sha256
        return Noted(question.task, sha256, question.key, asker, given, number, version, share)

    def _count(self, question: Question, said: Said | None, outcome: Outcome) -> None:
        task = question.task.name
        answered = _ERROR if isinstance(outcome, StudioError) else _ANSWERED
        if isinstance(said, Fallback):
            metrics.SLOT_FALLBACKS.labels(task, said.reason).inc()
            answered = _FALLBACK
        metrics.SLOT_ANSWERS.labels(task, question.slot, answered).inc()

    def _ask_later(self, question: Question, said: Said | None) -> UUID | None:
        """Have another version asked besides; return what both answers are known by, if so."""
        version = question.challenger() if said is None else None
        if isinstance(said, Fallback) and said.reason in ASKED_AGAIN:
            version = question.version
        if version is None:
            return None
        pair_id, shared = uuid4(), _shared(question, version)
        source = question.source.apart() if shared is None else _Looked(question.source.sha256)
        later = _Later(question.task, source, shared, version, self._noted(question, version))
        nbytes = source.nbytes if shared is None else shared.nbytes
        waits = self.shadow.put(
            question.task.name, lambda: self._ask_beside(later, pair_id), nbytes
        )
        return pair_id if waits else None

    def _ask_beside(self, later: "_Later", pair_id: UUID) -> None:
        """Ask a version of which nobody waits for the answer."""
        task, version = later.task, later.version
        said: Said | None = recall(self._answers, task, later.source, version)
        if said is None:
            prepared = later.prepared or prepare(task, later.source, version)
            if isinstance(prepared, Busy):
                metrics.SHADOW_DROPPED.labels(task.name, "busy").inc()
                return
            if isinstance(prepared, StudioError):
                said = Fallback(Reason.ERROR, str(prepared))
            else:
                said = self.challengers.ask(task, version, prepared, beside=True).result()
        if isinstance(said, Prediction):
            remember(self._answers, task, later.source, said)
            self._notes.paired(later.noted, said, pair_id)
        elif said.reason not in NOT_ITS_FAULT:
            self._notes.failed(later.noted, said)
        outcome = _ANSWERED if isinstance(said, Prediction) else str(said.reason)
        metrics.SHADOWED.labels(task.name, outcome).inc()


@dataclass(frozen=True)
class _Looked:
    """What is left of a source whose input is kept: by what answers about it are remembered."""

    sha256: str
    size: Size = ()
    nbytes: int = 0

    def apart(self) -> "_Looked":
        """Return the same."""
        return self


@dataclass(frozen=True)
class _Later:
    """What is asked beside an answer that was given; `prepared`: as that version takes it."""

    task: AnyTask
    source: Source
    prepared: Prepared | None
    version: ModelVersion
    noted: Noted


def open_router(
    settings: Settings, storage: Storage, answers: Answers | None, observer: Observer | None
) -> Router:
    """Return the router as the settings say; its routes are to be told of the slots.

    Parameters
    ----------
    observer : is told of every answer; None: none is kept
    """
    routes = Routes(storage, settings.slots_poll_s + _HEARD_S)
    shadow = ShadowQueue(settings.shadow_bytes)
    return Router(routes, open_challengers(settings), shadow, answers, Notes(observer))


def _is_same(champion: Outcome, version: ModelVersion | None) -> bool:
    """Say whether the champion is that very version."""
    if version is None or not isinstance(champion, Prediction):
        return False
    return champion.identity == version.identity


def _shared(question: Question, version: ModelVersion) -> Prepared | None:
    """Return what the champion was given, if it is what the other version takes."""
    champion = question.champion
    if not isinstance(champion, Prediction) or champion.card is None:
        return None
    return champion.prepared if champion.card.input == version.card.input else None


def _prepared(question: Question, version: ModelVersion) -> Prepared | StudioError:
    return _shared(question, version) or prepare(question.task, question.source, version)
