"""What models of photos share: pixels normalised inside the graph, photos read as serving does."""

import torch
from torch import Tensor, nn

from serving.card import PhotoInput


class Normalised(nn.Module):
    """A network behind the contract of its card: uint8 (n, h, w, 3) in, what the network gives out.

    Parameters
    ----------
    net : maps float32 (n, 3, h, w), normalised by the spec's mean and std
    """

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
        found: Tensor = self.net(self.normalise(pixels))
        return found


def _per_channel(values: tuple[float, float, float]) -> Tensor:
    """Return a scalar where the channels agree: ONNX Runtime broadcasts three slowly."""
    if len(set(values)) == 1:
        return torch.tensor(values[0])
    return torch.tensor(values).view(1, 3, 1, 1)
