"""Models held in this process: loaded, warmed, and swapped under way."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache

from serving.card import Classes, ModelCard, PhotoInput
from serving.errors import ModelUnavailable, StudioError
from serving.licences import LicencePolicy
from serving.models.session import Session, open_session
from serving.models.slots import CHAMPION, Published, Slots
from serving.storage.objects import Storage, read_by_sha256
from serving.storage.prefixes import MODELS

log = logging.getLogger(__name__)

_FORMER_KEPT = 4
OpenSession = Callable[[bytes], Session]


@dataclass(frozen=True)
class Loaded:
    """A model version ready to be called; what a request took it keeps to its end."""

    card: ModelCard
    version: str
    slot: str
    session: Session
    model_sha256: str = ""
    card_sha256: str = ""

    @property
    def identity(self) -> str:
        """Return the version and its weights: what an answer is remembered by."""
        return f"{self.version}@{self.model_sha256[:12]}"


class Models(Protocol):
    """Where a task's model comes from."""

    def get(self, task: str) -> Loaded:
        """Return the model that answers now; ModelUnavailable if there is none."""
        ...


class PinnedModels(Models, Protocol):
    """Where a job's later attempts find the model that its first one used."""

    def pin(self, task: str) -> dict[str, str]:
        """Return what names the model that answers now, so that `pinned` finds it later."""
        ...

    def pinned(self, task: str, pin: Mapping[str, str]) -> Loaded:
        """Return the model that was pinned, also after another took its place."""
        ...


def load_baked(folder: Path, open_session: OpenSession = open_session) -> dict[str, Loaded]:
    """Load the models that came with the bento: `TASK/{model.onnx,card.json,VERSION}`."""
    return {
        task.name: _load(
            (task / "model.onnx").read_bytes(),
            (task / "card.json").read_bytes(),
            (task / "VERSION").read_text().strip(),
            open_session,
        )
        for task in sorted(folder.glob("*"))
        if (task / "model.onnx").is_file()
    }


class LocalModels:
    """The published champions, with the baked-in ones as a fallback.

    `apply` is given to a `SlotFollower`: it loads what changed, checks the hashes, runs one photo
    through and only then lets it answer. A version that cannot be loaded leaves the old in place.
    Whoever published or baked it in: a model whose licence may not be used here never answers.
    """

    def __init__(
        self,
        storage: Storage,
        baked: dict[str, Loaded] | None = None,
        open_session: OpenSession = open_session,
        licences: LicencePolicy = LicencePolicy(),  # noqa: B008 - frozen
    ) -> None:
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

    def pin(self, task: str) -> dict[str, str]:
        """Return what names the model that answers now, so that `pinned` finds it later."""
        model = self.get(task)
        return {
            "version": model.version,
            "slot": model.slot,
            "model_sha256": model.model_sha256,
            "card_sha256": model.card_sha256,
        }

    def pinned(self, task: str, pin: Mapping[str, str]) -> Loaded:
        """Return the model that was pinned, also after another took its place."""
        now = self.get(task)
        if now.model_sha256 == pin["model_sha256"] and now.card_sha256 == pin["card_sha256"]:
            return now
        with self._loading:
            if pin["model_sha256"] not in self._former:
                self._former[pin["model_sha256"]] = self._fetch(Published(task, **pin))
            return self._former[pin["model_sha256"]]

    def all(self) -> dict[str, Loaded]:
        """Return every model that answers, by task."""
        return dict(self._loaded)

    def apply(self, slots: Slots) -> None:
        """Bring what is loaded in line with the published slots."""
        for (task, slot), published in slots.items():
            if slot != CHAMPION or self._published.get(task) == published:
                continue
            try:
                self._loaded[task] = self._fetch(published)
            except (StudioError, OSError, ValueError, BotoCoreError, ClientError) as error:
                self._refuse(
                    task,
                    published.version,
                    error.reason if isinstance(error, ModelUnavailable) else str(error),
                )
                continue
            self._published[task] = published
            self._refused.pop(task, None)
            log.info("%s version %s answers now", task, published.version)

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
        return _load(model, card, published.version, self._open_session)


def _load(model: bytes, card_json: bytes, version: str, open_session: OpenSession) -> Loaded:
    card = ModelCard.model_validate_json(card_json)
    session, size, labels = open_session(model), card.input_as(PhotoInput), card.output_as(Classes)
    logits = session(np.zeros((1, size.height, size.width, 3), np.uint8))
    if logits.shape != (1, len(labels.labels)):
        raise ModelUnavailable(card.task, f"logits {logits.shape} for {len(labels.labels)} labels")
    hashes = (hashlib.sha256(file).hexdigest() for file in (model, card_json))
    return Loaded(card, version, CHAMPION, session, *hashes)
