"""The contract that travels with a model's weights: what goes in, what comes out.

The idea is timm's `PretrainedCfg`: the pixels' contract is kept beside the weights, not in the
code that happens to call them.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Scene = Literal["interior", "exterior"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Frozen):
    """One answer the model can give."""

    name: str
    scene: Scene


class InputSpec(_Frozen):
    """How a photo becomes the model's input: uint8 RGB, shape (n, height, width, 3).

    `resize` names the only way `serving.photos.classify.to_pixels` knows: the whole photo squeezed
    to the square, halved by area while twice too large, then bilinear. Mean and std (on the 0..255
    scale) are applied inside the graph and stand here for the reader.
    """

    height: int = Field(gt=0)
    width: int = Field(gt=0)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: Literal["squeeze-halve-bilinear"] = "squeeze-halve-bilinear"


class ModelCard(_Frozen):
    """What a served model says of itself.

    Attributes
    ----------
    task : the registered model's name, such as `room-classifier`
    labels : in the order of the logits
    temperature : logits are divided by it before the softmax (Guo et al. 2017, arXiv:1706.04599)
    confident_above : the best score from which an answer counts as confident, 0..1
    licence : of the weights; `research` and `AGPL-3.0` are refused in production unless allowed
    metrics : figures on the frozen test set, by name
    """

    task: str
    labels: tuple[Label, ...] = Field(min_length=2)
    input: InputSpec
    temperature: float = Field(gt=0)
    confident_above: float = Field(ge=0, le=1)
    licence: str
    backbone: str
    precision: Literal["fp32", "int8"]
    demo: bool = False
    data_version: str
    trained_on: tuple[str, ...] = ()
    git_commit: str = "unknown"
    created: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
