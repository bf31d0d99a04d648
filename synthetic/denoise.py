"""Takes the grain out of a path-traced picture."""

import logging

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

Light = NDArray[np.float32]


def denoise(light: Light, albedo: Light, normals: Light) -> Light:
    """Remove Monte Carlo noise, guided by what the surfaces look like.

    Intel's Open Image Denoise where `pyoidn` is installed, else OpenCV's non-local means on the
    logarithm, which leaves more grain.

    Parameters
    ----------
    light : float32, shape (height, width, 3), linear
    albedo : same shape, 0..1
    normals : same shape, -1..1

    Returns
    -------
    float32, shape (height, width, 3)
        A new array.
    """
    try:
        import pyoidn
    except ImportError:
        log.warning("pyoidn is not installed: denoising with non-local means, expect some grain")
        return _filter_plainly(light)
    guides = [np.ascontiguousarray(layer, np.float32) for layer in (albedo, normals)]
    color = np.ascontiguousarray(light, np.float32)
    cleaned: Light = pyoidn.denoise(color, albedo=guides[0], normal=guides[1], hdr=True)
    return cleaned


def _filter_plainly(light: Light) -> Light:
    top = float(np.log1p(light.max())) or 1.0
    coded = np.rint(np.log1p(light.clip(0, None)) / top * 255).astype(np.uint8)
    smooth = cv2.fastNlMeansDenoisingColored(coded, None, 4, 4, 5, 15)
    return np.asarray(np.expm1(smooth.astype(np.float32) / 255 * top), np.float32)
