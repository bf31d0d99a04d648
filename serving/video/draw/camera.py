"""The camera: where it looks in each frame, and what it then sees, to a fraction of a pixel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from serving.video.draw.crop import PreparedPhoto
from serving.video.draw.resample import CHROMA_OFF, sample_plane
from serving.video.draw.yuv import Planes
from serving.video.film import Motion, View

Windows = NDArray[np.float64]
Size = tuple[int, int]


def place_window(view: View, photo: Size, frame: Size) -> tuple[float, float, float, float]:
    """Return the window of a view: left, top, width and height, 0..1 of the photo.

    Parameters
    ----------
    view : moved inside the photo where it would reach past an edge
    photo, frame : (width, height) in pixels of the upright photo and of the film

    Examples
    --------
    >>> place_window(View(0.5, 0.0, 1.0), photo=(100, 100), frame=(160, 90))
    (0.0, 0.0, 1.0, 0.5625)
    """
    wider = (photo[0] * frame[1]) / (photo[1] * frame[0])
    width = min(1.0, 1 / wider) * view.scale
    height = min(1.0, wider) * view.scale
    left = min(max(view.x - width / 2, 0.0), 1 - width)
    top = min(max(view.y - height / 2, 0.0), 1 - height)
    return left, top, width, height


def plan_windows(motion: Motion, frames: int, photo: Size, frame: Size) -> Windows:
    """Return the window of each of a clip's frames; float64, shape (frames, 4), 0..1 of the photo.

    The zoom is exponential, so that it looks even, and the centre moves in step with the scale, so
    that every point of the photo goes along a straight line. Both ends lie inside the photo, and
    with them every window between.
    """
    start = np.array(place_window(motion.start, photo, frame))
    end = np.array(place_window(motion.end, photo, frame))
    progress = _progress(motion.curve, frames)
    ratio = end[2] / start[2]
    if abs(ratio - 1) > 1e-9:
        progress = (ratio**progress - 1) / (ratio - 1)
    windows: Windows = start + progress[:, None] * (end - start)
    windows[:, :2] = windows[:, :2].clip(0, 1 - windows[:, 2:])  # the last bit of rounding
    return windows


def _progress(curve: Sequence[tuple[float, float]], frames: int) -> NDArray[np.float64]:
    """Return how far the camera is in each frame, 0..1."""
    at = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    if len(curve) == 2:
        return at
    times, values = np.transpose(curve)
    progress: NDArray[np.float64] = PchipInterpolator(times, values)(at)
    return progress.clip(0, 1)


def draw_view(prepared: PreparedPhoto, window: NDArray[np.float64], out: Planes) -> None:
    """Fill `out` with what the camera sees through `window` (left, top, width, height)."""
    luma = view_matrix(prepared, window, out.size)
    sample_plane(prepared.planes.y, luma, out.y)
    chroma = to_chroma(luma)
    sample_plane(prepared.planes.u, chroma, out.u, CHROMA_OFF)
    sample_plane(prepared.planes.v, chroma, out.v, CHROMA_OFF)


def view_matrix(
    prepared: PreparedPhoto, window: NDArray[np.float64], frame: Size
) -> NDArray[np.float64]:
    """Return the 2x3 matrix from the frame's luma pixels to those of the prepared photo."""
    left, top, width, height = prepared.region
    plane_width, plane_height = prepared.planes.size
    across, down = plane_width / width, plane_height / height
    step_x, step_y = window[2] * across / frame[0], window[3] * down / frame[1]
    x = (window[0] - left) * across + step_x / 2 - 0.5
    y = (window[1] - top) * down + step_y / 2 - 0.5
    return np.array([[step_x, 0, x], [0, step_y, y]])


def to_chroma(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the matrix between luma planes is between their chroma planes.

    A photo's chroma lies in the middle of four luma pixels; H.264's lies on the left pair (type 0,
    Rec. H.264 figure E-1), half a luma pixel further left.
    """
    matrix = luma.copy()
    matrix[:, 2] = (luma[:, 2] + luma[:, 1] / 2 - 0.5) / 2
    return matrix
