"""The versions of the game day: sound ones, and ones with a defect in the ONNX graph."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from registry.bootstrap import STARTERS
from serving.card import Classes, ModelCard
from serving.photos.classify import ROOM_CLASSIFIER
from stack.programs import ROOT

sys.path.append(str(ROOT))  # benchmarks are run by their path

from tests import faulty_models as faulty
from tests.faulty_graphs import a_share, dark

TASK = ROOM_CLASSIFIER.name
_CARD = ModelCard.model_validate_json((STARTERS / TASK / "card.json").read_bytes())
_TEMPERATURE = _CARD.output_as(Classes).temperature


@dataclass(frozen=True)
class Version:
    """A version to be tried, and what is to become of it.

    Attributes
    ----------
    make : from the starter's ONNX
    sound : it has to become champion; else it has to be rolled back
    """

    name: str
    make: Callable[[bytes], bytes]
    sound: bool = False


def starter() -> bytes:
    """Return the ONNX of the room classifier that a fresh machine has."""
    return (STARTERS / TASK / "model.onnx").read_bytes()


def slightly_other(model: bytes, share: float = 0.002, seed: int = 0) -> bytes:
    """Change every weight a little, as training anew would a lot: most answers stay."""
    graph, random = onnx.load_from_string(model), np.random.default_rng(seed)
    for weights in graph.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.ndim > 1:
            noise = random.standard_normal(values.shape).astype(np.float32)
            changed = values * (1 + np.float32(share) * noise)
            weights.CopyFrom(numpy_helper.from_array(changed, weights.name))
    changed_model: bytes = graph.SerializeToString()
    return changed_model


# registering tries a version on one picture, and what ends or hangs a process would do so there
MOST = a_share(0.7)
# as the ML team fears them
BAD = (
    Version("one room wrong", faulty.wrong_room),
    Version("300 ms slower", faulty.slow),
    Version("aborts", lambda model: faulty.abort(model, MOST)),
    Version("hangs", lambda model: faulty.hang(model, MOST)),
    Version("asks for 4 GB", lambda model: faulty.allocate(model, on=MOST)),
    Version("crashes on 2 %", lambda model: faulty.crash_on(model, 0.02)),
    Version("answers NaN", lambda model: faulty.nan(model, MOST)),
    # 110 of 255: the darkest seventh of photos of homes
    Version("wrong when dark", lambda model: faulty.wrong_on(model, dark(110))),
    Version("always confident", lambda model: faulty.always_confident(model, 0.99, _TEMPERATURE)),
)
SOUND = (Version("slightly other", slightly_other, sound=True),)
# what nobody tuned for: `--unseen` tries these as well
UNSEEN = tuple(
    Version(name, make)
    for name, make in faulty.DEFECTS.items()
    if name in ("unsteady", "bimodal", "constant answer", "never confident", "hang on some",
                "wrong when bright", "abort on some", "hoard", "mixed up batches")
)  # fmt: skip
