"""Models of others as versions of our tasks: `python benchmarks/outside_models.py MODELS OUT`.

Writes `OUT/segmenter` and `OUT/detector`, each with `model.onnx`, `card.json` and `VERSION`, as a
bento carries them: MOSAIC in our classes (it has no sinks, baths, toilets, stoves, lamps, stairs or
pools) and NanoDet-Plus-m. For measurements and pictures while no better ones are published; MODELS
is a folder with `mosaic_ade20k32_int8.onnx` and `nanodet_plus_m_416.onnx`.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.card import Label, Map, ModelCard, PhotoInput
from serving.perception.classes import CLASSES
from training.detector.outside import NANODET
from training.segmenter.mapping import of_ade32

_SIDE = 512
_NEVER = -30.0  # the logit of a class that the network does not know


def mosaic(source: bytes) -> tuple[bytes, ModelCard]:
    """Return MOSAIC with `pixels` (n, 512, 512, 3), `ids` of our classes, and `logits`."""
    model = onnx.load_model_from_string(source)
    graph, ours = model.graph, of_ade32()
    taken = graph.input[0].name
    first = {name: int(np.flatnonzero(ours == n)[0]) for n, name in enumerate(CLASSES) if n in ours}
    places = [first.get(name, len(ours)) for name in CLASSES]
    constants = {
        "ours_of": np.asarray(ours, np.uint8),
        "places": np.array(places, np.int64),
        "pads": np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int64),
        "never": np.array(_NEVER, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    for node in graph.node:
        node.input[:] = ["pixels" if name == taken else name for name in node.input]
        renamed = {"ids": "ade_ids", "logits": "ade_logits"}
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    graph.node.extend(
        [
            helper.make_node("Gather", ["ours_of", "ade_ids"], ["ids"]),
            helper.make_node("Pad", ["ade_logits", "pads", "never"], ["wide"]),
            helper.make_node("Gather", ["wide", "places"], ["logits"], axis=1),
        ]
    )
    info, grid = helper.make_tensor_value_info, _SIDE // 4
    pixels = info("pixels", TensorProto.UINT8, ["n", _SIDE, _SIDE, 3])
    given = [
        info("ids", TensorProto.UINT8, ["n", _SIDE, _SIDE]),
        info("logits", TensorProto.FLOAT, ["n", len(CLASSES), grid, grid]),
    ]
    made = helper.make_graph(graph.node, "mosaic", [pixels], given, list(graph.initializer))
    packed = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    labels = tuple(Label(name=name) for name in CLASSES)
    taken_as = PhotoInput(height=_SIDE, width=_SIDE, mean=(127.5,) * 3, std=(127.5,) * 3)
    return bytes(packed.SerializeToString()), ModelCard(
        task="segmenter",
        input=taken_as,
        output=Map(labels=labels),
        licence="Apache-2.0",
        backbone="mosaic",
        precision="int8",
        demo=True,
        data_version="outside",
        trained_on=("ADE20K",),
    )


def nanodet(source: bytes) -> tuple[bytes, ModelCard]:
    """Return NanoDet-Plus-m as it is, with the card of its contract."""
    return source, ModelCard(
        task="detector",
        input=NANODET.taken,
        output=NANODET.given,
        licence="Apache-2.0",
        backbone=NANODET.name,
        precision="fp32",
        demo=True,
        data_version="outside",
        trained_on=("COCO",),
    )


def write_models(models: Path, out: Path) -> None:
    """Write both below `out`."""
    for named, (model, card) in {
        "segmenter": mosaic((models / "mosaic_ade20k32_int8.onnx").read_bytes()),
        "detector": nanodet((models / "nanodet_plus_m_416.onnx").read_bytes()),
    }.items():
        (out / named).mkdir(parents=True, exist_ok=True)
        (out / named / "model.onnx").write_bytes(model)
        (out / named / "card.json").write_text(card.model_dump_json(indent=2))
        (out / named / "VERSION").write_text("outside\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    write_models(arguments.models, arguments.out)


if __name__ == "__main__":
    main()
