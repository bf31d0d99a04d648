import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from registry.bootstrap import STARTERS
from serving.card import EMBEDDING, PhotoInput
from serving.errors import ModelUnavailable
from serving.models.local import load_baked
from serving.models.session import OnnxSession
from serving.photos.classify import ROOM_CLASSIFIER
from serving.task import example_inputs
from training.loop.backbone import build_backbone, fold_batchnorm, input_spec
from training.loop.embedding import add_embedding
from training.loop.export import export_onnx
from training.loop.photos import Normalised
from training.loop.quantise import quantise

random = np.random.default_rng(0)


def make_pixels(count: int) -> np.ndarray:
    return random.integers(0, 255, (count, 64, 64, 3), dtype=np.uint8)


@pytest.mark.slow
def test_the_embedding_is_what_the_classifier_sees_and_logits_stay_the_same_to_the_bit() -> None:
    torch.manual_seed(0)
    net = build_backbone("test_efficientnet", 3, "none").eval()
    fold_batchnorm(net)
    spec: PhotoInput = input_spec(net, 64)
    served = Normalised(net, spec)
    full = export_onnx(served, spec)
    for model in (full, quantise(full, {"pixels": make_pixels(32)})):
        made = add_embedding(model, "logits")
        for count in (1, 3, 16):
            pixels = make_pixels(count)
            before = OnnxSession(model)({"pixels": pixels})
            after = OnnxSession(made.model)({"pixels": pixels})
            assert np.array_equal(before["logits"], after["logits"])
            assert after[EMBEDDING].shape == (count, made.length)
    with torch.inference_mode():
        maps = net.forward_features(served.normalise(torch.from_numpy(pixels)))  # type: ignore[operator]
        seen = net.forward_head(maps, pre_logits=True).numpy()  # type: ignore[operator]
    found = OnnxSession(add_embedding(full, "logits").model)({"pixels": pixels})[EMBEDDING]
    assert np.abs(found - seen).max() < 1e-4


def test_layers_beside_each_other_give_their_inputs_one_after_the_other() -> None:
    floats = onnx.TensorProto.FLOAT
    weights = [
        onnx.numpy_helper.from_array(random.random((length, 2), np.float32), name)
        for name, length in (("a", 3), ("b", 4))
    ]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["left", "a"], ["x"]),
            helper.make_node("MatMul", ["right", "b"], ["y"]),
            helper.make_node("Add", ["x", "y"], ["sum"]),
        ],
        "two",
        [
            helper.make_tensor_value_info("left", floats, ["n", 3]),
            helper.make_tensor_value_info("right", floats, ["n", 4]),
        ],
        [helper.make_tensor_value_info("sum", floats, ["n", 2])],
        weights,
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    made = add_embedding(model, "sum")
    left, right = random.random((5, 3), np.float32), random.random((5, 4), np.float32)
    found = OnnxSession(made.model)({"left": left, "right": right})[EMBEDDING]
    assert made.length == 7
    assert np.array_equal(found, np.concatenate([left, right], axis=1))
    with pytest.raises(ValueError, match="already"):
        add_embedding(made.model, "sum")
    with pytest.raises(ValueError, match="no output 'logits'"):
        add_embedding(model, "logits")


@pytest.mark.parametrize("task", ["room-classifier", "photo-quality"])
def test_the_starters_give_the_embedding_that_their_cards_state(task: str) -> None:
    model = load_baked(STARTERS)[task]
    found = model.session(example_inputs(model.card, 2))[EMBEDDING]
    assert found.dtype == np.float32
    assert found.shape == (2, model.card.embedding)


def test_a_card_that_states_another_embedding_is_refused_and_one_that_states_none_is_not() -> None:
    model = load_baked(STARTERS)["room-classifier"]
    outputs = model.session(example_inputs(model.card, 2))
    ROOM_CLASSIFIER.check(outputs, model.card.model_copy(update={"embedding": 0}))
    with pytest.raises(ModelUnavailable, match="'embedding' is float32"):
        ROOM_CLASSIFIER.check(outputs, model.card.model_copy(update={"embedding": 7}))
