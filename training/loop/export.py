"""From a trained network to the ONNX file that serving runs, preprocessing inside."""

import numpy as np
import torch
from torch import Tensor, nn

from serving.card import PhotoInput
from serving.image import Image
from serving.models.session import Logits, OnnxSession


class Served(nn.Module):
    """A network behind the contract of its card: uint8 (n, h, w, 3) in, logits (n, labels) out."""

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, spec: PhotoInput) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", _per_channel(spec.mean))
        self.register_buffer("std", _per_channel(spec.std))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bring uint8 (n, h, w, 3) to float32 (n, 3, h, w) on the network's scale."""
        planes = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return (planes - self.mean) / self.std

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalise as the network was trained, then run it."""
        logits: Tensor = self.net(self.normalise(pixels))
        return logits


def _per_channel(values: tuple[float, float, float]) -> Tensor:
    """Return a scalar where the channels agree: ONNX Runtime broadcasts three slowly."""
    if len(set(values)) == 1:
        return torch.tensor(values[0])
    return torch.tensor(values).view(1, 3, 1, 1)


def export_onnx(net: nn.Module, spec: PhotoInput) -> bytes:
    """Return `net` as one ONNX file with a free batch dimension, weights inside."""
    example = torch.zeros((2, spec.height, spec.width, 3), dtype=torch.uint8)
    program = torch.onnx.export(
        Served(net.to(memory_format=torch.contiguous_format), spec).eval(),
        (example,),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n", min=1, max=512)},),
        input_names=["pixels"],
        output_names=["logits"],
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    return bytes(program.model_proto.SerializeToString())


def measure_parity(net: nn.Module, spec: PhotoInput, model: bytes, pixels: Image) -> float:
    """Return the largest absolute difference of logits between torch and ONNX Runtime."""
    with torch.inference_mode():
        expected: Logits = Served(net, spec).eval()(torch.from_numpy(pixels)).numpy()
    return float(np.abs(OnnxSession(model)(pixels) - expected).max())
