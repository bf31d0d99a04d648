"""What crosses to a model service and back: raw bytes between our processes, base64 in JSON."""

import time
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, PrivateAttr

from serving.card import Dtype, ModelCard
from serving.encoded import Bytes
from serving.errors import BadInput, ModelFailed, ModelUnavailable, NotFinite, StudioError
from serving.models.local import ModelVersion
from serving.models.predictor import Answered, Prediction, Prepared
from serving.task import Answer, Array, SourceT, Task


class ArrayBytes(BaseModel):
    """An array: its values row by row, as they lie in memory."""

    model_config = ConfigDict(frozen=True)

    dtype: Dtype
    shape: tuple[int, ...]
    data: Bytes

    @classmethod
    def of(cls, array: Array) -> Self:
        """Pack an array; one of another type than cards know is refused by pydantic."""
        return cls(dtype=array.dtype.name, shape=array.shape, data=array.tobytes())

    def array(self) -> Array:
        """Unpack, without a copy; BadInput if the bytes are not of that shape."""
        expected = np.dtype(self.dtype).itemsize
        for length in self.shape:
            expected *= length
        if min(self.shape, default=1) < 1 or len(self.data) != expected:
            raise BadInput(f"{len(self.data)} bytes are not {self.dtype} {self.shape}")
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)


class PinnedVersion(BaseModel):
    """Which model version is to answer."""

    model_config = ConfigDict(frozen=True)

    version: str
    slot: str
    model_sha256: str
    card_sha256: str


class Item(BaseModel):
    """A source as the model takes it, and the version it was prepared for.

    Attributes
    ----------
    size : of the source
    pin : None: whichever answers now
    """

    model_config = ConfigDict(frozen=True)

    arrays: dict[str, ArrayBytes]
    size: tuple[int, ...] = ()
    pin: PinnedVersion | None = None
    _arrived: float = PrivateAttr(default_factory=time.monotonic)

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Unpickle; what arrived is new here, whatever the sender's clock says."""
        super().__setstate__(state)
        self._arrived = time.monotonic()

    def waited_s(self) -> float:
        """Return how long it has been in this process."""
        return time.monotonic() - self._arrived

    @classmethod
    def of(cls, prepared: Prepared, version: ModelVersion) -> Self:
        """Pack what was prepared for that version."""
        arrays = {name: ArrayBytes.of(array) for name, array in prepared.inputs.items()}
        return cls(arrays=arrays, size=prepared.size, pin=PinnedVersion(**version.pin))

    def prepared(self) -> Prepared:
        """Unpack; BadInput if an array's bytes are not of its shape."""
        arrays = {name: array.array() for name, array in self.arrays.items()}
        return Prepared(arrays, self.size)


class Reply(BaseModel):
    """The answer about one item as JSON, or what broke.

    Attributes
    ----------
    unavailable : the service has no model, or not the one that was named
    refused : the item was none for this model
    not_finite : the model answered with numbers that are none
    identity : of the version that answered, as `ModelVersion.identity`
    seconds, embedding : as `Answered` has them
    """

    model_config = ConfigDict(frozen=True)

    answer: Any = None
    error: str | None = None
    unavailable: bool = False
    refused: bool = False
    not_finite: bool = False
    identity: str = ""
    seconds: float = 0.0
    embedding: Bytes = b""

    @classmethod
    def of(
        cls,
        task: Task[SourceT, Answer],
        result: Answered[Answer] | StudioError,
        identity: str = "",
    ) -> Self:
        """Pack a result."""
        if isinstance(result, StudioError):
            unavailable = isinstance(result, ModelUnavailable)
            said = result.reason if isinstance(result, ModelUnavailable) else str(result)
            return cls(
                error=said,
                unavailable=unavailable,
                refused=isinstance(result, BadInput),
                not_finite=isinstance(result, NotFinite),
                identity=identity,
            )
        answer = task.answer.dump_python(result.answer, mode="json")
        more = {"seconds": result.seconds, "embedding": result.embedding}
        return cls(answer=answer, identity=identity, **more)

    def result(
        self, task: Task[SourceT, Answer], version: ModelVersion, prepared: Prepared | None = None
    ) -> Prediction[Answer] | StudioError:
        """Unpack; ModelUnavailable where the service has no such model."""
        if self.error is not None:
            if self.unavailable:
                raise ModelUnavailable(task.name, self.error)
            if self.refused:
                return BadInput(self.error)
            return (NotFinite if self.not_finite else ModelFailed)(self.error)
        answer = task.answer.validate_python(self.answer)
        return Prediction.new(version, Answered(answer, self.seconds, self.embedding), prepared)


class VersionReply(BaseModel):
    """A version that a model service answers with; `error` where it has none."""

    model_config = ConfigDict(frozen=True)

    card: ModelCard | None = None
    pin: PinnedVersion | None = None
    error: str = ""

    @classmethod
    def of(cls, model: ModelVersion) -> Self:
        """Describe a version."""
        return cls(card=model.card, pin=PinnedVersion(**model.pin))

    def version(self, task: str) -> ModelVersion:
        """Return the version; ModelUnavailable where there is none."""
        if self.card is None or self.pin is None:
            raise ModelUnavailable(task, self.error or "the service has none")
        return ModelVersion(self.card, **self.pin.model_dump())
