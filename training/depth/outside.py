"""Depth networks that others trained: how each takes a photo, and what it says.

One of these in the place of `DEPTHS` in `training/recipes.py`: the same gates, nothing trained.
Both say one over the distance, up to a scale and a shift of the photo's own, as their cards state.

- MiDaS: R. Ranftl et al., "Towards robust monocular depth estimation", IEEE TPAMI 44, 2022 (MIT).
- Depth Anything V2: L. Yang et al., arXiv:2406.09414; the small one is Apache-2.0, the larger ones
  are for non-commercial use.
"""

from dataclasses import dataclass, replace

from serving.card import FramedInput
from serving.perception.depth import INVERSE, DepthAnswer
from training.depth.recipe import DEPTHS
from training.recipe import Evaluation, OutsideWeights, Recipe

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # ImageNet's, of 0..255


@dataclass(frozen=True)
class Contract:
    """What the card of a depth network from outside says.

    Attributes
    ----------
    name : of the architecture
    """

    name: str
    taken: FramedInput


def _squeezed(name: str, side: int) -> FramedInput:
    return FramedInput(
        name=name, height=side, width=side, place="squeezed", layout="float32-nchw",
        mean=_MEAN, std=_STD, batched=False,
    )  # fmt: skip


MIDAS_SMALL = Contract("midas-v2.1-small", _squeezed("input", 256))
DEPTH_ANYTHING_SMALL = Contract("depth-anything-v2-small", _squeezed("image", 518))


def adopt_depth(
    contract: Contract, location: str, sha256: str, licence: str
) -> Recipe[DepthAnswer]:
    """Return the recipe that takes a network in.

    Parameters
    ----------
    location : of its ONNX file: `https://…`, or a path, absolute or relative to STUDIO_DATA
    sha256 : of the file, in hex; another one is refused
    licence : of the weights

    Examples
    --------
    >>> taken = adopt_depth(MIDAS_SMALL, "https://example.org/midas.onnx", "0" * 64, "MIT")
    >>> taken.made_by.architecture
    'midas-v2.1-small'
    """
    weights = OutsideWeights(location, sha256, licence, contract.name, contract.taken)
    return replace(DEPTHS, made_by=weights, evaluation=_evaluation)


def _evaluation() -> Evaluation:
    from training.depth.evaluation import DepthEvaluation

    return DepthEvaluation(INVERSE)
