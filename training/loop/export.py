"""From a trained network to the ONNX file that serving runs, preprocessing inside."""

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from serving.card import BATCH, ArraySpec, Input
from serving.models.session import OnnxSession
from serving.task import Array, Inputs

_MAX_BATCH = 512
_TRACED_LENGTH = 2


def export_onnx(served: nn.Module, spec: Input, outputs: tuple[str, ...] = ("logits",)) -> bytes:
    """Return a network as one ONNX file, weights inside; dimensions that the spec names are free.

    Parameters
    ----------
    served : takes the arrays of `spec` in their order
    outputs : names of what it returns
    """
    free = {
        name: torch.export.Dim(name, min=1, max=_MAX_BATCH if name == BATCH else None)
        for array in spec.arrays
        for name in array.shape
        if isinstance(name, str)
    }
    program = torch.onnx.export(
        served.to(memory_format=torch.contiguous_format).eval(),
        tuple(_example(array) for array in spec.arrays),
        dynamo=True,
        dynamic_shapes=tuple(
            {place: free[name] for place, name in enumerate(array.shape) if isinstance(name, str)}
            for array in spec.arrays
        ),
        input_names=[array.name for array in spec.arrays],
        output_names=list(outputs),
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    model = program.model_proto
    strip_traces(model)
    return bytes(model.SerializeToString())


def strip_traces(model: onnx.ModelProto) -> None:
    """Take out the lines of source files that nodes were traced at: paths of one machine."""
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    del graph.metadata_props[:]


def _example(array: ArraySpec) -> Tensor:
    """Return zeros of the stated shape; what is traced with a length of 1 would stay at 1."""
    shape = [length if isinstance(length, int) else _TRACED_LENGTH for length in array.shape]
    return torch.from_numpy(np.zeros(shape, array.dtype))


def measure_parity(
    served: nn.Module, spec: Input, model: bytes, inputs: Inputs, outputs: tuple[str, ...]
) -> float:
    """Return the largest difference of any output between torch and ONNX Runtime.

    Absolute, of outputs of real numbers; of others, such as the number of the best class, the share
    of values that differ: where two are equally good, rounding decides.
    """
    with torch.inference_mode():
        arrays = (torch.from_numpy(inputs[array.name]) for array in spec.arrays)
        expected = served.eval()(*arrays)
    found = OnnxSession(model)(inputs)
    pairs = zip(outputs, (expected,) if isinstance(expected, Tensor) else expected, strict=True)
    return max(_apart(found[name], theirs.numpy()) for name, theirs in pairs)


def _apart(found: Array, expected: Array) -> float:
    if np.issubdtype(found.dtype, np.floating):
        return float(np.abs(found - expected).max())
    return float((found != expected).mean())
