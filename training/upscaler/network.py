"""A plain chain of convolutions that learns as a wider one, and a shuffle of pixels at its end.

While it learns, each convolution is the sum of a wide one squeezed again, of edges in two
directions, of a Laplacian, and of what goes straight through: all linear, so that together they are
one convolution of three by three, which is what is exported.

Sources: W. Shi et al., "Real-time single image and video super-resolution using an efficient
sub-pixel convolutional neural network", CVPR 2016 (the shuffle); X. Zhang, H. Zeng, L. Zhang,
"Edge-oriented convolution block for real-time super resolution on mobile devices", ACM MM 2021 (the
branches); K. Bhardwaj et al., "Collapsible linear blocks for super-efficient super resolution",
arXiv:2103.09404 (branches are summed before each step, not run one by one); Z. Du et al.,
"Anchor-based plain net for mobile image super-resolution", CVPRW 2021 (what is learned is added to
the nearest pixel).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALE = 2
_SOBEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
_LAPLACE = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
_BEGIN = 0.5  # of the usual spread: what goes straight through adds to it


class LinearBlock(nn.Module):
    """Several linear branches that are one convolution of three by three.

    Parameters
    ----------
    taken, given : channels
    expansion : times `given`, the channels of the wide branch
    """

    edges: Tensor
    straight: Tensor

    def __init__(self, taken: int, given: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * given
        spread = _BEGIN * (2 / (9 * taken)) ** 0.5
        self.expand = nn.Parameter(torch.randn(wide, taken, 3, 3) * spread)
        self.squeeze = nn.Parameter(torch.randn(given, wide) / wide**0.5)
        self.mixed = nn.Parameter(torch.randn(3, given, taken) * 0.1 * spread)
        self.bias = nn.Parameter(torch.zeros(given))
        sobel = torch.tensor(_SOBEL)
        edges = torch.stack([sobel, sobel.T, torch.tensor(_LAPLACE)])
        self.register_buffer("edges", edges, persistent=False)
        straight = torch.zeros(given, taken, 3, 3)
        if taken == given:
            straight[range(given), range(given), 1, 1] = 1.0
        self.register_buffer("straight", straight, persistent=False)

    def kernel(self) -> Tensor:
        """Return the convolution that all branches are together, (given, taken, 3, 3)."""
        wide = torch.einsum("gw,wtyx->gtyx", self.squeeze, self.expand)
        edges = torch.einsum("egt,eyx->gtyx", self.mixed, self.edges)
        summed: Tensor = wide + edges + self.straight
        return summed

    def forward(self, planes: Tensor) -> Tensor:
        """Map float32 (n, taken, h, w) to (n, given, h, w)."""
        return functional.conv2d(planes, self.kernel(), self.bias, padding=1)

    def merged(self) -> nn.Conv2d:
        """Return the one convolution."""
        given, taken = self.squeeze.shape[0], self.expand.shape[1]
        one = nn.Conv2d(taken, given, 3, padding=1)
        one.load_state_dict({"weight": self.kernel().detach(), "bias": self.bias.detach()})
        return one


class Chain(nn.Module):
    """What is added to the nearest pixel: RGB 0..1, float32 (n, 3, h, w), to (n, 3, 2h, 2w).

    Parameters
    ----------
    parts : the first convolution, those between, the last
    """

    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    @property
    def reach(self) -> int:
        """How many pixels around a pixel of the photo have a say in it."""
        return len(self.parts)

    def forward(self, planes: Tensor) -> Tensor:
        """Return the enlarged picture, not clipped."""
        first = functional.relu(self.parts[0](planes))
        seen = first
        for part in self.parts[1:-1]:
            seen = functional.relu(part(seen))
        learned = self.parts[-1](seen + first)
        return functional.pixel_shuffle(learned, SCALE) + nearest(planes)

    def merged(self) -> "Chain":
        """Return the same chain of plain convolutions."""
        blocks = (part for part in self.parts if isinstance(part, LinearBlock))
        return Chain([block.merged() for block in blocks])


def nearest(planes: Tensor) -> Tensor:
    """Return each pixel four times, (n, 3, 2h, 2w)."""
    return functional.interpolate(planes, scale_factor=float(SCALE), mode="nearest")


def build_chain(channels: int, depth: int, expansion: int) -> Chain:
    """Return an untrained network of `depth` convolutions between the first and the last."""
    first = LinearBlock(3, channels, expansion)
    between = [LinearBlock(channels, channels, expansion) for _ in range(depth)]
    last = LinearBlock(channels, 3 * SCALE * SCALE, expansion)
    with torch.no_grad():
        last.squeeze.mul_(0.1)  # it begins as the nearest pixel
        last.mixed.mul_(0.1)
    return Chain([first, *between, last])


class Served(nn.Module):
    """A chain behind its contract: uint8 (n, h, w, 3) in, uint8 (n, 2h, 2w, 3) out."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def enlarge(self, pixels: Tensor) -> Tensor:
        """Return RGB 0..1, not clipped, float32 (n, 3, 2h, 2w)."""
        enlarged: Tensor = self.chain(pixels.permute(0, 3, 1, 2).to(torch.float32) / 255)
        return enlarged

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the enlarged pixels."""
        levels = torch.round(self.enlarge(pixels).clamp(0, 1) * 255)
        return levels.to(torch.uint8).permute(0, 2, 3, 1)

    def merged(self) -> "Served":
        """Return the same with plain convolutions: what is exported."""
        return Served(self.chain.merged())
