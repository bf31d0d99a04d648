"""A task: the one interface between a model and everything that serves it.

A model is never wired in by hand. What is different about it, how a source becomes its input and
what its output means, is a `Task`; loading, swapping, batching, caching, the wire and the model
service are written once and ask the task. `serving.tasks` lists all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import BATCH, EMBEDDING, ArraySpec, ModelCard
from serving.errors import ModelUnavailable

Array = NDArray[Any]
Inputs = Mapping[str, Array]
Outputs = Mapping[str, Array]
Size = tuple[int, ...]

_FREE_LENGTH = 32  # of the dimensions that an example may choose


class Source(Protocol):
    """What a model is asked about, such as `serving.image.PhotoFile`."""

    @property
    def sha256(self) -> str:
        """Return the hash of the content: what answers are remembered by."""
        ...

    @property
    def size(self) -> Size:
        """Return what positions in answers refer to: (height, width) of a photo."""
        ...

    @property
    def nbytes(self) -> int:
        """Return how much memory it takes until it is looked at."""
        ...

    def apart(self) -> Self:
        """Return the same source for another thread, without what was worked out of it."""
        ...


SourceT = TypeVar("SourceT", bound=Source, contravariant=True)
Answer = TypeVar("Answer")


class Task(Protocol[SourceT, Answer]):
    """What is different about one model.

    Attributes
    ----------
    name : of the registered model, the slot, in the cache, and of the model service
    answer : how an answer is kept and sent; maps and pictures as `serving.models.wire.Encoded`
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - an attribute
    @property
    def answer(self) -> TypeAdapter[Answer]: ...  # noqa: D102 - an attribute

    def prepare(self, source: SourceT, card: ModelCard) -> Inputs:
        """Return the model's named input arrays of one source, without the batch dimension.

        The only place where pixels or samples are shaped. Nothing of the card counts but its
        `input`: versions that state the same are given the same arrays. BadInput if the source is
        none.
        """
        ...

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> Answer:
        """Return what one source's output arrays, without the batch dimension, mean.

        Parameters
        ----------
        size : of the source
        """
        ...

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge a model's outputs for an example, batch dimension included, as it is loaded.

        Raises
        ------
        ModelUnavailable
            They are not what the card says, and the model must not answer.
        """
        ...


@runtime_checkable
class SizedByArrays(Protocol):
    """A task whose arrays alone tell the size of the source that they were made of.

    Of all other tasks that are asked about arrays it is the length of the first one.
    """

    def size_of(self, inputs: Inputs) -> Size:
        """Return the size that `read` is to be given."""
        ...


def is_batched(card: ModelCard) -> bool:
    """Say whether several sources of equal shapes go through the model in one call."""
    return all(array.batched for array in card.input.arrays)


def example_inputs(card: ModelCard, batch: int = 1) -> Inputs:
    """Return zeros of the shapes that the card states, with a batch of that many."""
    return {
        array.name: np.zeros([_length(dim, batch) for dim in array.shape], array.dtype)
        for array in card.input.arrays
    }


def _length(dimension: int | str, batch: int) -> int:
    if isinstance(dimension, int):
        return dimension
    return batch if dimension == BATCH else _FREE_LENGTH


def embedding_spec(card: ModelCard) -> tuple[ArraySpec, ...]:
    """Return the output `embedding` as the card states it; nothing of a model that has none."""
    shape = (BATCH, card.embedding)
    return (ArraySpec(name=EMBEDDING, dtype="float32", shape=shape),) if card.embedding else ()


def check_arrays(outputs: Outputs, expected: Sequence[ArraySpec], task: str) -> None:
    """Judge names, types, shapes and that every value is finite.

    Raises
    ------
    ModelUnavailable
        With what differs. Dimensions of the same name must have the same length.

    Examples
    --------
    >>> logits = ArraySpec(name="logits", dtype="float32", shape=("n", 3))
    >>> check_arrays({"logits": np.zeros((2, 3), np.float32)}, [logits], "rooms")
    >>> try:
    ...     check_arrays({"logits": np.zeros((2, 4), np.float32)}, [logits], "rooms")
    ... except ModelUnavailable as error:
    ...     print(error.reason)
    its output 'logits' is float32 (2, 4), where float32 ('n', 3) is needed
    """
    lengths: dict[str, int] = {}
    for spec in expected:
        array = outputs.get(spec.name)
        if array is None:
            raise ModelUnavailable(task, f"it has no output '{spec.name}', only {list(outputs)}")
        if array.dtype != spec.dtype or not _fits(array.shape, spec.shape, lengths):
            stated = f"{spec.dtype} {spec.shape}"
            found = f"its output '{spec.name}' is {array.dtype} {array.shape}"
            raise ModelUnavailable(task, f"{found}, where {stated} is needed")
        if not np.isfinite(array).all():
            raise ModelUnavailable(task, f"its output '{spec.name}' is not finite")


def _fits(found: Size, stated: tuple[int | str, ...], lengths: dict[str, int]) -> bool:
    if len(found) != len(stated):
        return False
    return all(
        length == (dim if isinstance(dim, int) else lengths.setdefault(dim, length))
        for length, dim in zip(found, stated, strict=True)
    )
