"""A second output for a model that gives one: what its last linear layers are given.

That is what the network sees in an input before it decides, as one row of numbers: photos that
look alike to it lie close together, which drift and the choice of examples are judged by. What the
model answered before stays the same to the bit.

`python -m training.loop.embedding registry/starter/TASK OUTPUT` does this to a starter's files.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from serving.card import BATCH, EMBEDDING, ModelCard

_LINEAR = ("Gemm", "MatMul")
_QUANTISED = ("DequantizeLinear", "QuantizeLinear")


@dataclass(frozen=True)
class Embedded:
    """A model with the output `embedding`, float32 (n, length)."""

    model: bytes
    length: int


def add_embedding(model: bytes, output: str) -> Embedded:
    """Return the same ONNX model with a second output: the input of its last linear layers.

    Of several layers beside each other the inputs follow each other.

    Parameters
    ----------
    output : of the model; the layers from which it is computed are those that are meant

    Raises
    ------
    ValueError
        If the model has no such output, or it comes from no linear layer, or there is an
        `embedding` already.
    """
    proto = onnx.load_model_from_string(model)
    if EMBEDDING in [one.name for one in proto.graph.output]:
        raise ValueError(f"the model has an output '{EMBEDDING}' already")
    layers = list(_last_linear(proto, output))
    if not layers:
        raise ValueError(f"the output '{output}' comes from no linear layer")
    makers = _makers(proto)
    sources = [_unquantised(layer.input[0], makers) for layer in layers]
    length = sum(_inputs_of(layer, proto, makers) for layer in layers)
    join = (
        helper.make_node("Concat", sources, [EMBEDDING], name=f"node_{EMBEDDING}", axis=1)
        if len(sources) > 1
        else helper.make_node("Identity", sources, [EMBEDDING], name=f"node_{EMBEDDING}")
    )
    proto.graph.node.append(join)
    row = helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, (BATCH, length))
    proto.graph.output.append(row)
    onnx.checker.check_model(proto)
    return Embedded(bytes(proto.SerializeToString()), length)


def _makers(proto: ModelProto) -> dict[str, NodeProto]:
    return {name: node for node in proto.graph.node for name in node.output}


def _last_linear(proto: ModelProto, output: str) -> Iterator[NodeProto]:
    """Yield the linear layers that are reached from an output without passing another, in order."""
    makers, seen, waiting = _makers(proto), set[str](), [output]
    if output not in [one.name for one in proto.graph.output]:
        raise ValueError(f"the model has no output '{output}'")
    while waiting:
        node = makers.get(waiting.pop(0))
        if node is None or node.output[0] in seen:
            continue
        seen.add(node.output[0])
        if node.op_type in _LINEAR:
            yield node
        else:
            waiting.extend(node.input)


def _unquantised(name: str, makers: Mapping[str, NodeProto]) -> str:
    """Return the values before they were rounded to eight bits, if they were."""
    while (node := makers.get(name)) is not None and node.op_type in _QUANTISED:
        name = node.input[0]
    return name


def _inputs_of(layer: NodeProto, proto: ModelProto, makers: Mapping[str, NodeProto]) -> int:
    """Return how many numbers a linear layer takes of each example."""
    name = _unquantised(layer.input[1], makers)
    (weight,) = (one for one in proto.graph.initializer if one.name == name)
    transposed = any(one.name == "transB" and one.i for one in layer.attribute)
    return int(numpy_helper.to_array(weight).shape[1 if transposed else 0])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.loop.embedding", description=__doc__)
    parser.add_argument("folder", type=Path, help="with model.onnx and card.json")
    parser.add_argument("output", help="the output whose last linear layer is meant")
    arguments = parser.parse_args()
    model, card = arguments.folder / "model.onnx", arguments.folder / "card.json"
    made = add_embedding(model.read_bytes(), arguments.output)
    stated = ModelCard.model_validate_json(card.read_bytes())
    stated = stated.model_copy(update={"embedding": made.length})
    model.write_bytes(made.model)
    card.write_text(stated.model_dump_json(indent=2) + "\n")
    print(f"{model}: an embedding of {made.length} numbers")


if __name__ == "__main__":
    main()
