"""Networks of ADE32 take and give what the task does, in our classes."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from serving.errors import BadInput
from serving.models.session import OnnxSession
from serving.perception.classes import CLASSES
from tests.training.segmenter.toy_teacher import SIDE, toy_teacher
from training.segmenter.mapping import ADE32, of_ade32
from training.segmenter.outside import MOSAIC_WEIGHTS, to_our_classes


def photos(count: int) -> np.ndarray:
    light = np.linspace(0, 255, SIDE, dtype=np.uint8)
    one = np.repeat(np.repeat(light[None, :, None], SIDE, axis=0), 3, axis=2)
    return np.stack([one, one[:, ::-1]] * count)[:count]


def test_several_photos_at_once_are_told_in_our_classes() -> None:
    session = OnnxSession(to_our_classes(toy_teacher()))
    asked = OnnxSession(toy_teacher())
    both = photos(2)
    found = session({"pixels": both})
    assert found["ids"].shape == (2, SIDE, SIDE)
    assert found["ids"].dtype == np.uint8
    assert found["logits"].shape == (2, len(CLASSES), SIDE // 4, SIDE // 4)
    ours = of_ade32()
    for photo, logits in zip(both, found["logits"], strict=True):
        ade32 = asked({"PreprocessedImageTensor": photo[None]})["logits"][0]
        assert (logits.argmax(axis=0) == ours[ade32.argmax(axis=0)]).all()
        grass = max(ade32[ADE32.index(name)].max() for name in ("grass", "field"))
        assert logits[CLASSES.index("grass")].max() == pytest.approx(grass)
        assert logits[CLASSES.index("toilet")].max() < -1000


def test_another_network_is_refused() -> None:
    model = onnx.load_from_string(toy_teacher())
    model.graph.input[0].name = "image"
    with pytest.raises(BadInput, match="PreprocessedImageTensor"):
        to_our_classes(model.SerializeToString())


@pytest.mark.data
def test_mosaic_fits() -> None:
    file = Path(os.environ.get("STUDIO_DATA", "/nowhere")) / MOSAIC_WEIGHTS.location
    if not file.exists():
        pytest.skip("its file is not below STUDIO_DATA")
    found = OnnxSession(to_our_classes(file.read_bytes()))(
        {"pixels": np.zeros((2, 512, 512, 3), np.uint8)}
    )
    assert found["ids"].shape == (2, 512, 512)
