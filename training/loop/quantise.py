"""Static int8 quantisation: a third of the size, about twice the speed on a CPU."""

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from serving.task import Inputs

# The stem and the first block see few channels of wide ranges: in fp32 they cost 4 % of the time
# and save a fifth of the answers that int8 would change.
_KEPT_CONVOLUTIONS = 3


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # untyped base
    """Feeds inputs batch by batch, as the calibrator pulls."""

    def __init__(self, inputs: Inputs, batch: int = 16) -> None:
        count = len(next(iter(inputs.values())))
        self._batches = iter(
            [
                {name: array[i : i + batch] for name, array in inputs.items()}
                for i in range(0, count, batch)
            ]
        )

    def get_next(self) -> Inputs | None:
        """Return the next feed, None at the end."""
        return next(self._batches, None)


def quantise(model: bytes, inputs: Inputs) -> bytes:
    """Return `model` in int8 (QDQ, per channel), its ranges calibrated on `inputs`.

    Weights keep seven bits: without VNNI a CPU adds pairs of 8-bit products in 16 bits, which
    overflow otherwise (onnxruntime's quantisation guide, "reduce range"). The first convolutions
    stay in fp32.

    Parameters
    ----------
    model : fp32 ONNX as `training.loop.export.export_onnx` makes it
    inputs : a batch of named arrays; some hundred examples of the training set
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fp32.onnx").write_bytes(model)
        quant_pre_process(folder / "fp32.onnx", folder / "ready.onnx", skip_symbolic_shape=True)
        convolutions = [
            node.name
            for node in onnx.load(folder / "ready.onnx").graph.node
            if node.op_type == "Conv"
        ]
        quantize_static(
            folder / "ready.onnx",
            folder / "int8.onnx",
            _Batches(inputs),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=convolutions[:_KEPT_CONVOLUTIONS],
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return (folder / "int8.onnx").read_bytes()
