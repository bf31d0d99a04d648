"""The network behind its contract: the segmenter's, with the logarithm of depth for its class."""

import math

from torch import Tensor, nn

from serving.perception.segment import STRIDE
from training.depth.truth import FARTHEST_M
from training.segmenter.network import SegmentationNet, build_network
from training.segmenter.network import Served as Normalised

NEAREST_M = 0.1
_USUAL_M = 2.5  # what an untrained network says


class Served(Normalised):
    """Maps uint8 (n, h, w, 3) to metres, float32 (n, h, w)."""

    def log_depth(self, pixels: Tensor) -> Tensor:
        """Return the logarithm of metres, (n, h / 4, w / 4)."""
        found: Tensor = self.net(self.normalise(pixels))[:, 0]
        return found + math.log(_USUAL_M)

    def forward(self, pixels: Tensor) -> Tensor:  # type: ignore[override] # one output, not two
        """Return metres at the input's size."""
        full = nn.functional.interpolate(
            self.log_depth(pixels)[:, None], scale_factor=float(STRIDE), mode="bilinear"
        )
        return full[:, 0].exp().clamp(NEAREST_M, FARTHEST_M)


def build_depth_network(
    backbone: str, weights: str, width: int, frozen_stages: int
) -> tuple[SegmentationNet, nn.Module]:
    """Return an untrained decoder over a pretrained encoder, and the encoder as timm made it."""
    return build_network(backbone, weights, 1, width, frozen_stages)
