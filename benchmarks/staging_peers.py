"""Other ways to fill a mask: OpenCV's, two of packages, and the plainest of all."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image

Mask = NDArray[np.bool_]
_QUARTER = 0.25  # of the size, at which a biharmonic fill can be solved at all
_LEVELS = 9


def telea(photo: Image, mask: Mask) -> Image:
    """Fill by A. Telea's fast marching, radius 5, as OpenCV has it."""
    return np.asarray(cv2.inpaint(photo, mask.astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)


def biharmonic(photo: Image, mask: Mask) -> Image:
    """Fill by scikit-image's biharmonic equation, on a quarter of the size."""
    from skimage.restoration import inpaint_biharmonic

    size = round(photo.shape[1] * _QUARTER), round(photo.shape[0] * _QUARTER)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    touched = cv2.dilate((share > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    made = inpaint_biharmonic(small, touched, channel_axis=2)
    return _within(photo, mask, np.asarray(made).clip(0, 1) * 255)


def patchmatch(photo: Image, mask: Mask) -> Image:
    """Fill by `patchmatch-cython`, a port of C. Barnes et al., SIGGRAPH 2009."""
    import patchmatch_cython

    made: Image = patchmatch_cython.inpaint_pyramid(photo, mask, seed=1)
    return np.where(mask[..., None], made, photo)


def pull_push(photo: Image, mask: Mask) -> Image:
    """Fill by averages of ever larger surroundings (S. Gortler et al., SIGGRAPH 1996)."""
    known = (~mask).astype(np.float32)
    levels = [(photo.astype(np.float32) * known[..., None], known)]
    while len(levels) < _LEVELS and min(levels[-1][1].shape) > 3:
        values, weight = levels[-1]
        levels.append((cv2.pyrDown(values), cv2.pyrDown(weight)))  # type: ignore[arg-type]
    filled = levels[-1][0] / np.maximum(levels[-1][1], 1e-4)[..., None]
    for values, weight in levels[-2::-1]:
        up = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.clip(weight, 0, 1)[..., None]
        filled = values / np.maximum(weight, 1e-4)[..., None] * share + up * (1 - share)
    return np.where(mask[..., None], np.rint(filled.clip(0, 255)), photo).astype(np.uint8)


def _within(photo: Image, mask: Mask, small: NDArray[np.floating]) -> Image:
    size = photo.shape[1], photo.shape[0]
    large = cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None], np.rint(large.clip(0, 255)), photo).astype(np.uint8)
