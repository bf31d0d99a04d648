"""What a model says of sources: one kind of answer, and one interface wherever the model runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from serving import metrics
from serving.errors import ModelFailed, StudioError
from serving.models.large_answers import store_large
from serving.models.local import Loaded, Models, ModelVersion, Pin
from serving.storage.objects import Storage
from serving.task import Answer, Array, Inputs, Outputs, Size, SourceT, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction(Generic[Answer]):
    """An answer, and whose it is.

    Attributes
    ----------
    slot : from which the version was taken this time; an answer that is kept has none
    identity : of the model, as `ModelVersion.identity`
    demo : the weights are the starter's, for trying things out
    cached : not worked out now, but known before
    """

    answer: Answer
    task: str
    version: str
    slot: str
    identity: str
    demo: bool
    cached: bool = False

    @classmethod
    def by(cls, model: ModelVersion, answer: Answer, cached: bool = False) -> "Prediction[Answer]":
        """Say whose answer it is."""
        card = model.card
        return cls(answer, card.task, model.version, model.slot, model.identity, card.demo, cached)


@dataclass(frozen=True)
class Prepared:
    """A source as the model takes it, without the batch dimension."""

    inputs: Inputs
    size: Size


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
        return [
            answer if isinstance(answer, StudioError) else Prediction.by(model, answer)
            for answer in answer_prepared(task, model, prepared, self._storage)
        ]

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
    items = [item for item in prepared if isinstance(item, Prepared)]
    outputs = (o for batch in _batches(items, model.batched) for o in _run(model, batch))
    answers: list[Answer | StudioError] = []
    for item in prepared:
        if isinstance(item, StudioError):
            answers.append(item)
            continue
        read: Answer | StudioError = _read(task, model, item, next(outputs), storage)
        answers.append(read)
    return answers


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


def _run(model: Loaded, batch: list[Prepared]) -> list[Outputs | ModelFailed]:
    inputs = {name: _stack(batch, name, model.batched) for name in batch[0].inputs}
    try:
        with metrics.MODEL.labels(model.card.task, model.version, model.slot).time():
            outputs = model.session(inputs)
    except ModelFailed as error:
        if len(batch) == 1:
            return [error]
        return [_run(model, [item])[0] for item in batch]
    if not model.batched:
        return [outputs]
    return [{name: array[row] for name, array in outputs.items()} for row in range(len(batch))]


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
    storage: Storage | None,
) -> Answer | StudioError:
    if isinstance(outputs, ModelFailed):
        return outputs
    try:
        answer = task.read(outputs, model.card, item.size)
    except ModelFailed as error:
        return error
    return answer if storage is None else store_large(answer, storage)


def or_raise(result: T | StudioError) -> T:
    """Return the answer, or raise what went wrong."""
    if isinstance(result, StudioError):
        raise result
    return result
