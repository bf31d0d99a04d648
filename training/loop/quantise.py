"""Static int8 quantisation: a third of the size, about twice the speed on a CPU."""

import tempfile
from collections.abc import Iterator
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

from serving.image import Image

# The stem and the first block see few channels of wide ranges: in fp32 they cost 4 % of the time
# and save a fifth of the answers that int8 would change.
_KEPT_CONVOLUTIONS = 3


class _Photos(CalibrationDataReader):  # type: ignore[misc]  # untyped base
    """Feeds pixels batch by batch, as the calibrator pulls."""

    def __init__(self, name: str, pixels: Image, batch: int = 16) -> None:
        self._batches: Iterator[Image] = (
            pixels[i : i + batch] for i in range(0, len(pixels), batch)
        )
        self._name = name

    def get_next(self) -> dict[str, Image] | None:
        """Return the next feed, None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def quantise(model: bytes, pixels: Image) -> bytes:
    """Return `model` in int8 (QDQ, per channel), its ranges calibrated on `pixels`.

    Weights keep seven bits: without VNNI a CPU adds pairs of 8-bit products in 16 bits, which
    overflow otherwise (onnxruntime's quantisation guide, "reduce range"). The first convolutions
    stay in fp32.

    Parameters
    ----------
    model : fp32 ONNX as `training.loop.export.export_onnx` makes it
    pixels : uint8, shape (n, height, width, 3); some hundred photos of the training set
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
            _Photos(onnx.load_from_string(model).graph.input[0].name, pixels),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=convolutions[:_KEPT_CONVOLUTIONS],
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return (folder / "int8.onnx").read_bytes()
