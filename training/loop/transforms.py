"""Ways to vary a training photo, as transforms of torchvision: masks and boxes move with pixels.

Each draws from a generator that is handed to the whole chain, so that a sample repeats itself. A
sample is whatever `torchvision.transforms.v2` takes: a `tv_tensors.Image`, also in a tuple or dict
with `Mask` and `BoundingBoxes`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as geometry

from serving.image import Image
from serving.image.squeeze import to_pixels

Random = np.random.Generator
Change = Callable[[Image, Random], Image]


class Drawn(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """A transform that draws from a generator of the chain it is in."""

    random: Random = np.random.default_rng(0)


class Chain(nn.Module):
    """Transforms one after the other, which draw from one generator."""

    def __init__(self, transforms: Sequence[v2.Transform]) -> None:
        super().__init__()
        self._transforms = tuple(transforms)

    def forward(self, sample: Any, random: Random) -> Any:  # noqa: ANN401 - any structure
        """Return a varied sample; the input is left unchanged."""
        for transform in self._transforms:
            if isinstance(transform, Drawn):
                transform.random = random
            sample = transform(sample)
        return sample


class Crop(Drawn):
    """Keep a part of the photo.

    Parameters
    ----------
    min_area : smallest share of the photo that is kept
    max_stretch : of the crop's aspect ratio, either way
    """

    def __init__(self, min_area: float, max_stretch: float) -> None:
        super().__init__()
        self._min_area, self._max_stretch = min_area, max_stretch

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the rectangle."""
        height, width = v2.functional.get_size(flat_inputs[0])
        area = self.random.uniform(self._min_area, 1)
        stretch = np.exp(self.random.uniform(-1, 1) * np.log(self._max_stretch))
        rows = max(1, int(height * min(1, np.sqrt(area * stretch))))
        columns = max(1, int(width * min(1, np.sqrt(area / stretch))))
        top = int(self.random.integers(height - rows + 1))
        left = int(self.random.integers(width - columns + 1))
        return {"top": top, "left": left, "height": rows, "width": columns}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401
        """Cut it out."""
        return self._call_kernel(geometry.crop, inpt, **params)


class Squeeze(v2.Transform):  # type: ignore[misc]
    """Bring everything to a square as serving brings photos to it, whatever the aspect ratio."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, ARG002
        """Resize."""
        if isinstance(inpt, tv_tensors.Image):
            return to_image(to_pixels(to_array(inpt), self._side, self._side))
        return self._call_kernel(geometry.resize, inpt, size=[self._side, self._side])


class Mirror(Drawn):
    """Exchange left and right of every second sample."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        """Draw whether."""
        return {"mirrored": self.random.random() < 0.5}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401
        """Mirror."""
        return self._call_kernel(geometry.horizontal_flip, inpt) if params["mirrored"] else inpt


class QuarterTurn(Drawn):
    """Turn a square sample by 90, 180 or 270 degrees now and then."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self._chance = chance

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        """Draw whether, and how far."""
        turned = self.random.random() < self._chance
        return {"turns": int(self.random.integers(1, 4)) if turned else 0}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401
        """Turn counter-clockwise."""
        if not params["turns"]:
            return inpt
        return self._call_kernel(geometry.rotate, inpt, angle=90.0 * params["turns"])


class Photometric(Drawn):
    """Change the pixels of the image now and then, and where nothing lies.

    Parameters
    ----------
    change : given uint8 (height, width, 3) and the generator; may change the size, but not what is
        shown: masks and boxes stay as they are until both are squeezed to one size
    """

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, chance: float, change: Change) -> None:
        super().__init__()
        self._chance, self._change = chance, change

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, ARG002
        """Change the pixels."""
        if not self.random.random() < self._chance:
            return inpt
        return to_image(self._change(np.ascontiguousarray(to_array(inpt)), self.random))


def lower_resolution(photo: Image, random: Random, long_side_px: tuple[float, float]) -> Image:
    """Bring a photo down so that its long side is within a range, unless it is smaller."""
    scale = random.uniform(*long_side_px) / max(photo.shape[:2])
    if scale >= 1:
        return photo
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def to_image(photo: Image) -> tv_tensors.Image:
    """Return uint8 (height, width, 3) as torchvision has it; the memory is shared."""
    return tv_tensors.Image(torch.from_numpy(photo).permute(2, 0, 1))


def to_array(image: torch.Tensor) -> Image:
    """Return torchvision's image as uint8 (height, width, 3); the memory is shared."""
    array: Image = image.permute(1, 2, 0).numpy()
    return array
