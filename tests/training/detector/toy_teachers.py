"""Teachers small enough for tests: both find one sofa in the middle of every photo."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper

from training.detector.coco import COCO

PLACES = {"yolox-nano": 3549, "nanodet-plus-m": 3598}


def toy_yolox() -> bytes:
    """Return ONNX of YOLOX-nano's contract: a sofa of 160x160 around (200, 200)."""
    array = np.zeros((1, PLACES["yolox-nano"], 5 + len(COCO)), np.float32)
    row, column = 25, 25
    place = row * 52 + column
    array[0, place, 2:4] = np.log(160 / 8)
    array[0, place, 4] = 0.9
    array[0, place, 5 + COCO.index("couch")] = 0.9
    return _constant("images", {"output": array})


def toy_nanodet() -> bytes:
    """Return ONNX of NanoDet-Plus' contract: a sofa of 160x160 around (192, 192)."""
    scores = np.zeros((1, PLACES["nanodet-plus-m"], len(COCO)), np.float32)
    place = 52 * 52 + 26 * 26 + 6 * 13 + 6  # of the grid with stride 32
    scores[0, place, COCO.index("couch")] = 0.7
    sides = np.zeros((1, PLACES["nanodet-plus-m"], 4, 8), np.float32)
    sides[0, place, :, 2:4] = 30.0  # halfway between 2 and 3 strides
    return _constant("data", {"scores": scores, "dist": sides.reshape(1, -1, 32)})


def write_teachers(folder: Path, dataset: Path) -> None:
    """Write both into a folder of photos, and name them in a dataset."""
    said = []
    for name, model in (("yolox-nano", toy_yolox()), ("nanodet-plus-m", toy_nanodet())):
        (folder / f"{name}.onnx").write_bytes(model)
        digest = hashlib.sha256(model).hexdigest()
        named = {"location": f"{name}.onnx", "sha256": digest, "contract": name}
        said.append(named | {"doubtful": 0.2, "licence": "own"})
    (dataset / "teachers.yaml").write_text(yaml.safe_dump({"teachers": said, "sure": 0.35}))


def _constant(taken: str, given: dict[str, NDArray[np.float32]]) -> bytes:
    """Return a graph that says the same of every photo."""
    nodes = [
        helper.make_node("ReduceMax", [taken], ["most"], keepdims=0),
        helper.make_node("Sub", ["most", "most"], ["nothing"]),
    ]
    nodes += [helper.make_node("Add", [f"{n}_said", "nothing"], [n]) for n in given]
    constants = [
        helper.make_tensor(f"{name}_said", TensorProto.FLOAT, array.shape, array.ravel())
        for name, array in given.items()
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(taken, TensorProto.FLOAT, [1, 3, 416, 416])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape) for n, a in given.items()],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
