"""The contract that travels with a model's weights: what goes in, what comes out.

The idea is timm's `PretrainedCfg`: the contract is kept beside the weights, not in the code that
happens to call them. Every card has the same common part; `input` and `output` are each one of a
closed set, told apart by their field `kind`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.errors import ModelUnavailable

Scene = Literal["interior", "exterior"]
Dtype = Literal["uint8", "int32", "int64", "float32"]
Numbers = float | tuple[float, ...] | tuple[tuple[float, ...], ...]
BATCH = "n"
_Positive = Annotated[float, Field(gt=0)]
EMBEDDING = "embedding"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArraySpec(_Frozen):
    """An array that a model takes or gives.

    Attributes
    ----------
    name : in the ONNX graph
    shape : a name stands for a dimension of any length; `n` in the first place is the batch
    """

    name: str
    dtype: Dtype
    shape: tuple[int | str, ...]

    @property
    def batched(self) -> bool:
        """Say whether the first dimension is the batch."""
        return self.shape[:1] == (BATCH,)


class PhotoInput(_Frozen):
    """How a photo becomes the model's input `pixels`: uint8 RGB, shape (n, height, width, 3).

    `resize` names the only way `serving.image.squeeze.to_pixels` knows: the whole photo squeezed
    to the square, halved by area while twice too large, then bilinear. Mean and std (on the 0..255
    scale) are applied inside the graph and stand here for the reader.
    """

    kind: Literal["photo"] = "photo"
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: Literal["squeeze-halve-bilinear"] = "squeeze-halve-bilinear"

    @property
    def arrays(self) -> tuple[ArraySpec, ...]:
        """Return what the model takes."""
        shape = (BATCH, self.height, self.width, 3)
        return (ArraySpec(name="pixels", dtype="uint8", shape=shape),)


class FramedInput(_Frozen):
    """How a photo is fitted into a frame with its own proportions, as one array.

    Attributes
    ----------
    name : of the array in the graph
    place : where the photo lies; `squeezed`: it fills the frame and loses its proportions
    pad : what the rest of the frame is, 0..255
    channels : their order
    layout : `uint8-nhwc`, with mean and std applied inside the graph, or `float32-nchw`, to which
        they are applied before: (pixels - mean) / std, on the 0..255 scale
    mean, std : in the order of the channels
    batched : whether the graph takes several photos at once
    """

    kind: Literal["framed-photo"] = "framed-photo"
    name: str = "pixels"
    height: int = Field(gt=0, le=4096)
    width: int = Field(gt=0, le=4096)
    place: Literal["centred", "top-left", "squeezed"] = "centred"
    pad: int = Field(114, ge=0, le=255)
    channels: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["uint8-nhwc", "float32-nchw"] = "uint8-nhwc"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[_Positive, _Positive, _Positive] = (1.0, 1.0, 1.0)
    batched: bool = True

    @property
    def arrays(self) -> tuple[ArraySpec, ...]:
        """Return what the model takes."""
        first: int | str = BATCH if self.batched else 1
        if self.layout == "uint8-nhwc":
            shape = (first, self.height, self.width, 3)
            return (ArraySpec(name=self.name, dtype="uint8", shape=shape),)
        shape = (first, 3, self.height, self.width)
        return (ArraySpec(name=self.name, dtype="float32", shape=shape),)


class ArrayInput(_Frozen):
    """Named arrays, as the task's own `prepare` makes them."""

    kind: Literal["arrays"] = "arrays"
    arrays: tuple[ArraySpec, ...] = Field(min_length=1)


class Label(_Frozen):
    """One class that the model knows.

    Attributes
    ----------
    scene : of a kind of room, where it lies
    """

    name: str
    scene: Scene | None = None


class Classes(_Frozen):
    """One label of several, with calibrated probabilities.

    Attributes
    ----------
    labels : in the order of the logits
    temperature : logits are divided by it before the softmax (Guo et al. 2017, arXiv:1706.04599)
    confident_above : the best score from which an answer counts as confident, 0..1
    """

    kind: Literal["classes"] = "classes"
    labels: tuple[Label, ...] = Field(min_length=2)
    temperature: float = Field(gt=0)
    confident_above: float = Field(ge=0, le=1)


class Score(_Frozen):
    """A number, and perhaps the parts that it is made of.

    Attributes
    ----------
    lowest, highest : of the number and of each part
    parts : their names, in the order of the model's output
    """

    kind: Literal["score"] = "score"
    lowest: float = 0.0
    highest: float = 100.0
    parts: tuple[str, ...] = ()


class Boxes(_Frozen):
    """Labelled rectangles.

    Attributes
    ----------
    score_above : less sure ones are left out
    overlap_below : of two of one label that share more of their union, the surer stays
    at_most : boxes of an answer, the surest
    unsaid : labels that the model knows and that answers leave out
    family : how the arrays are read, see `serving.perception.decoders`
    arrays : their names in the graph, in the order in which the family has them
    strides : pixels of the input along a side of what one cell of each grid stands for
    """

    kind: Literal["boxes"] = "boxes"
    labels: tuple[Label, ...] = Field(min_length=1)
    score_above: float = Field(ge=0, le=1)
    overlap_below: float = Field(0.5, gt=0, le=1)
    at_most: int = Field(100, gt=0, le=1000)
    unsaid: tuple[str, ...] = ()
    family: Literal["yolov8", "yolox", "nanodet-plus", "fastestdet"] = "yolov8"
    arrays: tuple[str, ...] = ("boxes",)
    strides: tuple[Annotated[int, Field(gt=0)], ...] = Field((8, 16, 32), min_length=1)


class Map(_Frozen):
    """A value for every pixel.

    Attributes
    ----------
    labels : of a map of classes, in the order of their numbers; none: the values are measures
    unit : of measures
    """

    kind: Literal["map"] = "map"
    labels: tuple[Label, ...] = ()
    unit: str = ""


class Picture(_Frozen):
    """Another picture.

    Attributes
    ----------
    scale : its pixels per pixel of the photo, along a side
    """

    kind: Literal["picture"] = "picture"
    scale: int = Field(1, gt=0)


class Sequence(_Frozen):
    """Values at equal steps of time.

    Attributes
    ----------
    rate_hz : steps per second
    columns : what each value of a step is
    """

    kind: Literal["sequence"] = "sequence"
    rate_hz: float = Field(gt=0)
    columns: tuple[str, ...] = Field(min_length=1)


class Curves(_Frozen):
    """What a photo's levels become, in each of its channels.

    Attributes
    ----------
    points : of a curve, equally spaced from black to white
    """

    kind: Literal["curves"] = "curves"
    points: int = Field(ge=2, le=256)


Input = PhotoInput | FramedInput | ArrayInput
Output = Classes | Score | Boxes | Map | Picture | Sequence | Curves
Kind = TypeVar("Kind", bound=_Frozen)
# of a card as it was before there were other outputs than classes
_FORMERLY_FLAT = ("labels", "temperature", "confident_above")


class ModelCard(_Frozen):
    """What a served model says of itself.

    Attributes
    ----------
    task : the registered model's name, such as `room-classifier`
    parameters : numbers beside the weights that were fitted to data, as the task's `read` uses them
    embedding : length of the rows of the model's output `embedding`, float32 (n, length): what the
        network sees in its input before it decides; 0: the model has no such output
    licence : of the weights; `research` and `AGPL-3.0` are refused in production unless allowed
    metrics : figures on the frozen test set, by name
    """

    task: str
    input: Annotated[Input, Field(discriminator="kind")]
    output: Annotated[Output, Field(discriminator="kind")]
    parameters: dict[str, Numbers] = Field(default_factory=dict)
    embedding: int = Field(0, ge=0)
    licence: str
    backbone: str
    precision: Literal["fp32", "int8"]
    demo: bool = False
    data_version: str
    trained_on: tuple[str, ...] = ()
    git_commit: str = "unknown"
    created: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _lift(cls, card: Any) -> Any:  # noqa: ANN401 - whatever was sent
        """Read a card of the form in which every model named classes of photos."""
        if not isinstance(card, Mapping):
            return card
        lifted = {name: value for name, value in card.items() if name not in _FORMERLY_FLAT}
        if "output" not in card:
            flat = {name: card[name] for name in _FORMERLY_FLAT if name in card}
            lifted["output"] = {"kind": "classes"} | flat
        elif len(lifted) < len(card):
            return card  # both forms at once are refused
        if isinstance(card.get("input"), Mapping):
            lifted["input"] = {"kind": "photo"} | dict(card["input"])
        return lifted

    def input_as(self, kind: type[Kind]) -> Kind:
        """Return the input; ModelUnavailable if it is of another kind."""
        return self._expect(self.input, kind)

    def output_as(self, kind: type[Kind]) -> Kind:
        """Return the output; ModelUnavailable if it is of another kind."""
        return self._expect(self.output, kind)

    def _expect(self, stated: Input | Output, kind: type[Kind]) -> Kind:
        if not isinstance(stated, kind):
            reason = f"its card states '{stated.kind}' where '{kind.__name__}' is needed"
            raise ModelUnavailable(self.task, reason)
        return stated
