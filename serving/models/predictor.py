"""What a model says of sources: one kind of answer, and one interface wherever the model runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from serving import metrics
from serving.card import EMBEDDING, ModelCard
from serving.errors import ModelFailed, NotFinite, StudioError
from serving.models.large_answers import store_large
from serving.models.local import Loaded, Models, ModelVersion, Pin
from serving.storage.objects import Storage
from serving.task import Answer, Array, Inputs, Outputs, Size, SourceT, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A source as the model takes it, without the batch dimension."""

    inputs: Inputs
    size: Size

    @property
    def nbytes(self) -> int:
        """Return how much memory the arrays take."""
        return sum(array.nbytes for array in self.inputs.values())


@dataclass(frozen=True)
class Answered(Generic[Answer]):
    """What a model of this process said, before anybody's name is put to it.

    Attributes
    ----------
    seconds : that the model took for it, its share of a batch
    embedding : what the network saw, float16 values; nothing of a model that does not tell
    """

    answer: Answer
    seconds: float
    embedding: bytes = b""


@dataclass(frozen=True)
class Prediction(Generic[Answer]):
    """An answer, and whose it is.

    Attributes
    ----------
    slot : from which the version was taken this time; an answer that is kept has none
    identity : of the model, as `ModelVersion.identity`
    demo : the weights are the starter's, for trying things out
    cached : not worked out now, but known before; then the following are not known
    seconds, embedding : as `Answered` has them
    prepared : what the model was given
    card : of the version
    """

    answer: Answer
    task: str
    version: str
    slot: str
    identity: str
    demo: bool
    cached: bool = False
    seconds: float | None = field(default=None, compare=False)
    embedding: bytes = field(default=b"", compare=False, repr=False)
    prepared: Prepared | None = field(default=None, compare=False, repr=False)
    card: ModelCard | None = field(default=None, compare=False, repr=False)

    @classmethod
    def by(cls, model: ModelVersion, answer: Answer, cached: bool = False) -> "Prediction[Answer]":
        """Say whose answer it is."""
        card, named = model.card, (model.version, model.slot, model.identity)
        return cls(answer, card.task, *named, card.demo, cached, card=card)

    @classmethod
    def new(
        cls, model: ModelVersion, said: Answered[Answer], prepared: Prepared | None
    ) -> "Prediction[Answer]":
        """Say whose answer it is that was worked out now."""
        seconds, embedding = said.seconds, said.embedding
        named = cls.by(model, said.answer)
        return replace(named, seconds=seconds, embedding=embedding, prepared=prepared)


class Predictor(Protocol):
    """Whoever answers for models: in this process, over HTTP, or from what is remembered."""

    def find(self, task: Task[SourceT, Answer], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        ...

    def predict(
        self,
        task: Task[SourceT, Answer],
        sources: Sequence[SourceT],
        version: ModelVersion | None = None,
    ) -> "list[Prediction[Answer] | StudioError]":
        """Answer each source, in order; one that cannot be read or breaks the model fails alone.

        Parameters
        ----------
        version : as `find` gave it; None: the one that answers now

        Raises
        ------
        ModelUnavailable
            No model answers.
        """
        ...


class LocalPredictor:
    """Answers with the models held in this process.

    Parameters
    ----------
    storage : for the large maps and pictures of answers; None: they stay in the answer
    """

    def __init__(self, models: Models, storage: Storage | None = None) -> None:
        self._models, self._storage = models, storage

    def find(self, task: Task[SourceT, Answer], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        return self._loaded(task, pin)

    def predict(
        self,
        task: Task[SourceT, Answer],
        sources: Sequence[SourceT],
        version: ModelVersion | None = None,
    ) -> list[Prediction[Answer] | StudioError]:
        """Answer each source, in order; one that cannot be read or breaks the model fails alone."""
        model = version if isinstance(version, Loaded) else self._at(task, version)
        prepared = [prepare(task, source, model) for source in sources]
        results: list[Prediction[Answer] | StudioError] = []
        said = answer_timed(task, model, prepared, self._storage)
        for item, one in zip(prepared, said, strict=True):
            given = item if isinstance(item, Prepared) else None
            results.append(
                one if isinstance(one, StudioError) else Prediction.new(model, one, given)
            )
        return results

    def _at(self, task: Task[SourceT, Answer], version: ModelVersion | None) -> Loaded:
        return self._loaded(task, version.pin if version is not None else None)

    def _loaded(self, task: Task[SourceT, Answer], pin: Pin | None) -> Loaded:
        return self._models.pinned(task.name, pin) if pin else self._models.get(task.name)


def prepare(
    task: Task[SourceT, Answer], source: SourceT, model: ModelVersion
) -> Prepared | StudioError:
    """Return the source as the model takes it, or why it cannot be read."""
    try:
        return Prepared(task.prepare(source, model.card), source.size)
    except StudioError as error:
        return error


def answer_prepared(
    task: Task[SourceT, Answer],
    model: Loaded,
    prepared: Sequence[Prepared | StudioError],
    storage: Storage | None = None,
) -> list[Answer | StudioError]:
    """Answer each, equal shapes in one batch; one that breaks the model fails alone.

    Parameters
    ----------
    prepared : what could not be is given back as it is
    storage : for the large maps and pictures of answers; None: they stay in the answer
    """
    said = answer_timed(task, model, prepared, storage)
    return [one.answer if isinstance(one, Answered) else one for one in said]


def answer_timed(
    task: Task[SourceT, Answer],
    model: Loaded,
    prepared: Sequence[Prepared | StudioError],
    storage: Storage | None = None,
) -> list[Answered[Answer] | StudioError]:
    """Do as `answer_prepared`, and say what it took."""
    items = [item for item in prepared if isinstance(item, Prepared)]
    outputs = (o for batch in _batches(items, model.batched) for o in _run(model, batch))
    answers: list[Answered[Answer] | StudioError] = []
    for item in prepared:
        if isinstance(item, StudioError):
            answers.append(item)
            continue
        read: Answered[Answer] | StudioError = _read(task, model, item, *next(outputs))
        answers.append(read if storage is None else _store(read, storage))
    return answers


def _embedding(outputs: Outputs) -> bytes:
    row = outputs.get(EMBEDDING)
    if row is None:
        return b""
    largest = np.finfo(np.float16).max
    return row.clip(-largest, largest).astype(np.float16).tobytes()


def _batches(items: Sequence[Prepared], batched: bool) -> list[list[Prepared]]:
    """Split into runs of neighbours of equal shapes."""
    batches: list[list[Prepared]] = []
    for item in items:
        if batched and batches and _shapes(batches[-1][0]) == _shapes(item):
            batches[-1].append(item)
        else:
            batches.append([item])
    return batches


def _shapes(item: Prepared) -> dict[str, Size]:
    return {name: array.shape for name, array in item.inputs.items()}


def _run(model: Loaded, batch: list[Prepared]) -> list[tuple[Outputs | ModelFailed, float]]:
    inputs = {name: _stack(batch, name, model.batched) for name in batch[0].inputs}
    started = time.perf_counter()
    try:
        with metrics.MODEL.labels(model.card.task, model.slot).time():
            outputs = model.session(inputs)
    except ModelFailed as error:
        if len(batch) == 1:
            return [(error, time.perf_counter() - started)]
        return [_run(model, [item])[0] for item in batch]
    seconds = (time.perf_counter() - started) / len(batch)
    if not model.batched:
        return [(outputs, seconds)]
    rows = range(len(batch))
    return [({name: array[row] for name, array in outputs.items()}, seconds) for row in rows]


def _stack(batch: list[Prepared], name: str, batched: bool) -> Array:
    first: Array = batch[0].inputs[name]
    if len(batch) > 1:
        return np.stack([item.inputs[name] for item in batch])
    return first[np.newaxis] if batched else first


def _read(
    task: Task[SourceT, Answer],
    model: Loaded,
    item: Prepared,
    outputs: Outputs | ModelFailed,
    seconds: float,
) -> Answered[Answer] | StudioError:
    if isinstance(outputs, ModelFailed):
        return outputs
    try:
        _check_finite(outputs)
        answer = task.read(outputs, model.card, item.size)
    except ModelFailed as error:
        return error
    return Answered(answer, seconds, _embedding(outputs))


def _store(
    said: Answered[Answer] | StudioError, storage: Storage
) -> Answered[Answer] | StudioError:
    if isinstance(said, StudioError):
        return said
    return replace(said, answer=store_large(said.answer, storage))


def _check_finite(outputs: Outputs) -> None:
    """Raise NotFinite rather than let a task read a number that is none."""
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise NotFinite(f"its output '{name}' is not finite")


def or_raise(result: T | StudioError) -> T:
    """Return the answer, or raise what went wrong."""
    if isinstance(result, StudioError):
        raise result
    return result
