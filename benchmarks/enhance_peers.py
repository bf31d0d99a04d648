"""What enhancement is compared with: OpenCV's one-call equivalents, and networks of others."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from registry.bootstrap import STARTERS
from serving.card import ModelCard
from serving.models.session import OnnxSession
from serving.photos.enhance.finish import FINISHER, finish
from training.photo_finisher.evaluation import propose

Image = NDArray[np.uint8]


def opencv(fault: str, photo: Image) -> Image:
    """Return what OpenCV makes of a photo by the call that is meant for its fault."""
    if fault == "dark":
        luma, red, blue = cv2.split(cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb))
        even = cv2.merge([cv2.createCLAHE(2.0, (8, 8)).apply(luma), red, blue])
        return np.asarray(cv2.cvtColor(even, cv2.COLOR_YCrCb2RGB), np.uint8)
    if fault == "cast":
        means = photo.reshape(-1, 3).mean(axis=0)  # as xphoto's grey world, not in this wheel
        return np.asarray(cv2.convertScaleAbs(photo * (means.mean() / means)), np.uint8)
    if fault == "noise":
        return np.asarray(cv2.fastNlMeansDenoisingColored(photo, None, 7, 7), np.uint8)
    return np.asarray(cv2.bilateralFilter(photo, 5, 20, 3), np.uint8)


def stretched(photo: Image) -> Image:
    """Return the photo with all its levels used, OpenCV's other way with the dark."""
    return np.asarray(cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]


def simple_white_balance(photo: Image) -> Image:
    """Return each channel stretched between its 2nd and 98th percent, as xphoto's SimpleWB does."""
    low, high = np.percentile(photo.reshape(-1, 3), (2, 98), axis=0)
    made = (photo - low) * (255 / np.maximum(high - low, 1))
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def hough_lean(photo: Image) -> float:
    """Return by how many degrees a photo leans to the right, by OpenCV's lines; 0: by none."""
    edges = cv2.Canny(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 80, 160)
    lines = cv2.HoughLinesP(edges, 1, np.pi / 720, 60, None, photo.shape[0] // 6, 4)
    if lines is None:
        return 0.0
    dx, dy = (lines[:, 0, 2] - lines[:, 0, 0]), (lines[:, 0, 3] - lines[:, 0, 1])
    upright = np.abs(dx) < 0.2 * np.abs(dy)
    return (
        -float(np.degrees(np.median(np.arctan(dx[upright] / dy[upright]))))
        if upright.any()
        else 0.0
    )


def learned(photo: Image) -> Image:
    """Return the photo as the starter of `photo-finisher` would have it."""
    folder = STARTERS / FINISHER.name
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    return finish(photo, propose(_held(folder / "model.onnx"), card, photo))


@cache
def _held(path: Path) -> OnnxSession:
    return OnnxSession(path.read_bytes(), threads=1)


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options)


def lut3d(models: Path, photo: Image) -> Image:
    """Return what an image-adaptive 3D table of colours makes of it (trained on FiveK)."""
    session = _session(models / "lut3d_fivek_paired.onnx")
    small = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    given = small.astype(np.float32).transpose(2, 0, 1)[None] / 255
    (lut,) = session.run(None, {session.get_inputs()[0].name: given})
    table = np.asarray(lut).reshape(3, 33, 33, 33)
    at = photo.astype(np.float32) * (32 / 255)
    low = np.minimum(at.astype(np.int64), 31)
    part = at - low
    made = np.zeros(photo.shape, np.float32)
    for corner in range(8):
        step = [corner & 1, corner >> 1 & 1, corner >> 2]
        share = np.ones(photo.shape[:2], np.float32)
        for channel in range(3):
            share *= part[..., channel] if step[channel] else 1 - part[..., channel]
        red, green, blue = (low[..., n] + step[n] for n in range(3))
        made += share[..., None] * np.moveaxis(table[:, blue, green, red], 0, -1)
    return np.asarray(np.clip(np.rint(made * 255), 0, 255), np.uint8)


def ffdnet(models: Path, photo: Image, sigma: float) -> Image:
    """Return what FFDNet makes of a noisy photo of which it is told the noise."""
    session = _session(models / "ffdnet_color.onnx")
    even = photo[: photo.shape[0] // 2 * 2, : photo.shape[1] // 2 * 2]
    given = even.astype(np.float32).transpose(2, 0, 1)[None] / 255
    names = [part.name for part in session.get_inputs()]
    told = dict(zip(names, (given, np.array([sigma / 255], np.float32)), strict=True))
    (made,) = session.run(None, told)
    whole = photo.copy()
    clean = np.asarray(made)[0].transpose(1, 2, 0) * 255
    whole[: even.shape[0], : even.shape[1]] = np.clip(np.rint(clean), 0, 255)
    return whole
