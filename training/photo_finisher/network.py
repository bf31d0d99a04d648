"""The network: a few convolutions, what they see in the mean and at most, and curves from that.

Curves of a small network, applied to the photo at its full size: M. Gharbi et al., "Deep bilateral
learning for real-time image enhancement", SIGGRAPH 2017, and H. Zeng et al., "Learning image-
adaptive 3D lookup tables for high performance photo enhancement in real-time", IEEE TPAMI 44(4),
2022; one curve for each channel is enough for exposure, contrast and a cast of light.
"""

import math

import torch
from torch import Tensor, nn

_WIDTHS = (1, 2, 3, 4)  # channels of the convolutions that halve the sides, against the first
_HIDDEN = 192
_STILL = math.log(math.e - 1)  # softplus of it is 1: the curve that changes nothing
_QUICKLY = 8.0  # by which what the last layers say counts more: their weights begin at 0
_MOST_OFFSET = 0.3  # by which black is lifted or lowered
_RANKS = 24  # levels of which it is told how much of the photo lies below
_COARSE = 32  # cells a side, in whose means that is counted


class FinisherNet(nn.Module):
    """Maps float32 (n, 3, h, w) in 0..1 to curves (n, points, 3), which may leave 0..1."""

    levels: Tensor

    def __init__(self, width: int, points: int) -> None:
        super().__init__()
        self.points = points
        taken, layers = 3, list[nn.Module]()
        for times in _WIDTHS:
            given = width * times
            layers += [nn.Conv2d(taken, given, 3, stride=2, padding=1), nn.Hardswish()]
            taken = given
        layers += [nn.Conv2d(taken, taken, 3, padding=1), nn.Hardswish()]
        self.layers = nn.Sequential(*layers)
        self.register_buffer("levels", torch.linspace(0, 1, _RANKS), persistent=False)
        told = 3 * taken + 3 * (_RANKS + 2)
        self.head = nn.Sequential(
            nn.Linear(told, _HIDDEN), nn.Hardswish(), nn.Linear(_HIDDEN, _HIDDEN), nn.Hardswish()
        )
        self.slopes = nn.Linear(_HIDDEN, 3 * (points - 1))
        self.offset = nn.Linear(_HIDDEN, 3)
        for last in (self.slopes, self.offset):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, planes: Tensor) -> Tensor:
        """Return curves; those of a network that has learned nothing change nothing."""
        known = self.head(torch.cat([self._seen(planes), self._tones(planes)], dim=1))
        slopes = nn.functional.softplus(_QUICKLY * self.slopes(known) + _STILL)
        steps = slopes.view(-1, self.points - 1, 3) / (self.points - 1)
        begin = _MOST_OFFSET * torch.tanh(_QUICKLY * self.offset(known))[:, None]
        return torch.cat([begin, begin + steps.cumsum(dim=1)], dim=1)

    def _seen(self, planes: Tensor) -> Tensor:
        """Return what convolutions see: in the mean, how it varies, and at most."""
        seen = self.layers(2 * planes - 1).flatten(2)
        mean = seen.mean(dim=2)
        spread = (seen - mean[..., None]).square().mean(dim=2).add(1e-6).sqrt()
        return torch.cat([mean, spread, seen.amax(dim=2)], dim=1)

    def _tones(self, planes: Tensor) -> Tensor:
        """Return how much of each channel is darker than each of some levels, and its ends."""
        by = planes.shape[-1] // _COARSE
        cells = nn.functional.avg_pool2d(planes, by).flatten(2) if by > 1 else planes.flatten(2)
        apart = (self.levels - cells[..., None]) * (2 * _RANKS)
        ranks = apart.sigmoid().mean(dim=2).flatten(1)
        return torch.cat([ranks, cells.amax(dim=2), cells.amin(dim=2)], dim=1)


class Served(nn.Module):
    """The network behind its contract: uint8 (n, h, w, 3) to `curves`, float32 in 0..1."""

    def __init__(self, net: FinisherNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the curves."""
        return self.propose(pixels).clamp(0, 1)

    def propose(self, pixels: Tensor) -> Tensor:
        """Return the curves before they are held within what levels can be."""
        found: Tensor = self.net(pixels.permute(0, 3, 1, 2).to(torch.float32) / 255)
        return found


def follow(curves: Tensor, levels: Tensor) -> Tensor:
    """Return what levels become by curves, between whose points they run straight.

    Parameters
    ----------
    curves : (n, points, 3)
    levels : (n, pixels, 3), 0..1
    """
    place = levels * (curves.shape[1] - 1)
    below = place.floor().clamp(max=curves.shape[1] - 2)
    share, at = place - below, below.long()
    made: Tensor = torch.lerp(curves.gather(1, at), curves.gather(1, at + 1), share)
    return made
