"""Models held in this process: loaded, warmed, and swapped under way."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache

from serving.card import ModelCard
from serving.errors import ModelUnavailable, ObjectNotFound, StudioError
from serving.licences import LicencePolicy
from serving.models.routing import CHAMPION
from serving.models.session import Session, open_session
from serving.models.slots import Published, Slots, identity_of
from serving.storage.objects import Storage, read_by_sha256
from serving.storage.prefixes import MODELS
from serving.task import example_inputs, is_batched
from serving.tasks import TASKS, AnyTask

log = logging.getLogger(__name__)

_FORMER_KEPT = 4
_EXAMPLE_BATCHES = (1, 3)
OpenSession = Callable[[bytes], Session]
Pin = Mapping[str, str]


@dataclass(frozen=True)
class ModelVersion:
    """Which version of a task's model answers, wherever it runs."""

    card: ModelCard
    version: str
    slot: str
    model_sha256: str = ""
    card_sha256: str = ""

    @property
    def identity(self) -> str:
        """Return what its answers are remembered by."""
        return identity_of(self.version, self.model_sha256, self.card_sha256)

    @property
    def pin(self) -> dict[str, str]:
        """Return what names it, so that it is found later, also in another process."""
        return {
            "version": self.version,
            "slot": self.slot,
            "model_sha256": self.model_sha256,
            "card_sha256": self.card_sha256,
        }


@dataclass(frozen=True)
class Loaded(ModelVersion):
    """A model version ready to be called; what a request took it keeps to its end.

    Attributes
    ----------
    batched : whether several sources go through it in one call
    """

    session: Session = field(kw_only=True)
    batched: bool = field(default=True, kw_only=True)


class Models(Protocol):
    """Where a task's model comes from."""

    def get(self, task: str) -> Loaded:
        """Return the model that answers now; ModelUnavailable if there is none."""
        ...

    def pinned(self, task: str, pin: Pin) -> Loaded:
        """Return the model that was pinned; ModelUnavailable if it may not answer here."""
        ...

    def all(self) -> dict[str, Loaded]:
        """Return every model that answers, by task."""
        ...


def load_baked(
    folder: Path,
    open_session: OpenSession = open_session,
    tasks: Mapping[str, AnyTask] = TASKS,
) -> dict[str, Loaded]:
    """Load the tasks' models that came with the bento: `TASK/{model.onnx,card.json,VERSION}`."""
    return {
        name: _open(
            task,
            (folder / name / "model.onnx").read_bytes(),
            (folder / name / "card.json").read_bytes(),
            Published(name, CHAMPION, (folder / name / "VERSION").read_text().strip(), "", ""),
            open_session,
        )
        for name, task in sorted(tasks.items())
        if (folder / name / "model.onnx").is_file()
    }


class LocalModels:
    """The published models of one slot, with the baked-in ones as a fallback.

    `apply` is given to a `SlotFollower`: it loads what changed, checks the hashes, runs one photo
    through and only then lets it answer. A version that cannot be loaded leaves the old in place.
    Whoever published or baked it in: a model whose licence may not be used here never answers.

    A process holds one slot, so that a version on trial shares no memory and no thread with the one
    that answers for it. Of the champion the versions before are found as well, and it stays when
    its row vanishes: something has to answer. In any other slot what is published now answers or
    nothing does: what was taken back is never loaded again for somebody who still names it.

    Parameters
    ----------
    baked : champions; of no use to a process of another slot
    tasks : those of which models are held; what is published for others is for other processes
    slot : of which models are held
    """

    def __init__(
        self,
        storage: Storage,
        baked: dict[str, Loaded] | None = None,
        open_session: OpenSession = open_session,
        licences: LicencePolicy = LicencePolicy(),  # noqa: B008 - frozen
        tasks: Mapping[str, AnyTask] = TASKS,
        slot: str = CHAMPION,
    ) -> None:
        self._tasks, self.slot = tasks, slot
        self._storage, self._open_session, self._licences = storage, open_session, licences
        self._loaded: dict[str, Loaded] = {}
        self._refused: dict[str, str] = {}
        self._published: dict[str, Published] = {}
        self._former: LRUCache[str, Loaded] = LRUCache(_FORMER_KEPT)
        self._loading = threading.Lock()
        for task, model in (baked or {}).items():
            self._take_baked(task, model)

    def get(self, task: str) -> Loaded:
        """Return the model that answers now; ModelUnavailable if there is none."""
        try:
            return self._loaded[task]
        except KeyError:
            reason = self._refused.get(task, "none is published and none is baked in")
            raise ModelUnavailable(task, reason) from None

    def pinned(self, task: str, pin: Pin) -> Loaded:
        """Return the model that was pinned; a champion also after another took its place.

        The same weights may have been published with another card: both must agree.

        Raises
        ------
        ModelUnavailable
            It is not held here and its files are not in the storage, or it may not answer here:
            its licence forbids it, or it is of a slot that another process holds, or held.
        """
        wanted = Published.pinned(task, pin)
        now = self._loaded.get(task)
        if now is not None and now.identity == wanted.identity:
            return now
        if not self.slot == wanted.slot == CHAMPION:
            reason = f"version {wanted.version} of slot '{wanted.slot}' does not answer here now"
            raise ModelUnavailable(task, reason)
        key = f"{task}:{wanted.identity}"
        with self._loading:
            if key not in self._former:
                try:
                    self._former[key] = self._fetch(wanted)
                except ObjectNotFound as error:
                    reason = f"version {wanted.version} is neither held here nor in the storage"
                    raise ModelUnavailable(task, reason) from error
            return self._former[key]

    def all(self) -> dict[str, Loaded]:
        """Return every model that answers, by task."""
        return dict(self._loaded)

    def apply(self, slots: Slots) -> None:
        """Bring what is loaded in line with the published slots."""
        for task in self._tasks:
            published = slots.get((task, self.slot))
            if published is not None and published.runs:
                self._load(published)
            elif self.slot != CHAMPION:
                self._let_go(task)

    def _load(self, published: Published) -> None:
        """Let a published version answer, unless it does already or cannot."""
        task, before = published.task, self._published.get(published.task)
        # a weight may have changed, which is no matter here
        if before is not None and before.identity == published.identity:
            return
        try:
            self._swap(self._fetch(published))
        except (StudioError, OSError, ValueError, BotoCoreError, ClientError) as error:
            reason = error.reason if isinstance(error, ModelUnavailable) else str(error)
            self._refuse(task, published.version, reason)
            return
        self._published[task] = published
        self._refused.pop(task, None)
        log.info("%s version %s answers now as %s", task, published.version, self.slot)

    def _let_go(self, task: str) -> None:
        """Let a version that is published no longer answer nobody, and free its memory."""
        self._published.pop(task, None)
        self._refused.pop(task, None)
        gone = self._loaded.pop(task, None)
        if gone is not None:
            log.info("%s version %s is no longer %s", task, gone.version, self.slot)

    def _swap(self, model: Loaded) -> None:
        """Let a model answer; who asked for the champion before it still finds that."""
        task = model.card.task
        before = self._loaded.get(task)
        if before is not None and self.slot == CHAMPION:
            with self._loading:
                self._former[f"{task}:{before.identity}"] = before
        self._loaded[task] = model

    def _take_baked(self, task: str, model: Loaded) -> None:
        refusal = self._licences.refusal(model.card.licence)
        if refusal is None:
            self._loaded[task] = model
        else:
            self._refuse(task, model.version, refusal)

    def _refuse(self, task: str, version: str, reason: str) -> None:
        """Say why a version does not answer: here once, and to whoever asks while none does."""
        told = f"version {version} is not served: {reason}"
        if self._refused.get(task) != told:
            log.warning("%s %s", task, told)
        self._refused[task] = told

    def _fetch(self, published: Published) -> Loaded:
        card = read_by_sha256(self._storage, MODELS, published.card_sha256)
        refusal = self._licences.refusal(ModelCard.model_validate_json(card).licence)
        if refusal is not None:
            raise ModelUnavailable(published.task, refusal)
        model = read_by_sha256(self._storage, MODELS, published.model_sha256)
        return _open(self._tasks[published.task], model, card, published, self._open_session)


def _open(
    task: AnyTask, model: bytes, card_json: bytes, named: Published, open_session: OpenSession
) -> Loaded:
    """Open a model and let it answer an example; ModelUnavailable if it is not as its card says."""
    card = ModelCard.model_validate_json(card_json)
    if card.task != task.name:
        raise ModelUnavailable(task.name, f"its card is of '{card.task}'")
    session, batched = open_session(model), is_batched(card)
    for batch in _EXAMPLE_BATCHES if batched else (1,):
        task.check(session(example_inputs(card, batch)), card)
    hashes = (hashlib.sha256(file).hexdigest() for file in (model, card_json))
    return Loaded(card, named.version, named.slot, *hashes, session=session, batched=batched)
