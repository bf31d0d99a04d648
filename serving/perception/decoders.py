"""What the arrays of detectors mean: boxes in pixels of the frame, and a score for every label.

Families differ in how a box is written down, not in what it is. Each is read into corners (a, 4):
left, top, right, bottom, and scores (a, labels), 0..1, where `a` counts the places at which the
network looks.

- `yolov8`: one array (4 + labels, a): middle, width and height in pixels, then scores. What
  ultralytics exports without its own suppression, and what the training of this project exports.
- `yolox`: one array (a, 5 + labels) of the raw grid: the middle relative to the cell and the
  logarithm of the size, both in strides; how sure that there is anything, then scores. Z. Ge et
  al., "YOLOX: Exceeding YOLO series in 2021", arXiv:2107.08430.
- `nanodet-plus`: scores (a, labels) and distances (a, 4 x bins) to the four sides, each as a
  distribution over 0, 1, 2 … strides. X. Li et al., "Generalized focal loss", arXiv:2006.04388.
- `fastestdet`: one array (5 + labels, rows, columns): how sure that there is anything, middle
  (tanh) and size (sigmoid), then scores. github.com/dog-qiuqiu/FastestDet.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from serving.card import ArraySpec, Boxes, FramedInput
from serving.task import Array, Outputs

Floats = NDArray[np.float32]
Found = tuple[Floats, Floats]
_BINS = 8  # of a distance, in NanoDet-Plus
_LARGEST_LOG = 10.0  # of a size in strides: beyond any frame, and far from overflow
_THING_POWER, _LABEL_POWER = 0.6, 0.4  # by which FastestDet weighs its two scores


def grid_sizes(frame: tuple[int, int], strides: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return rows and columns of each grid; one that does not end with the frame goes beyond it.

    Examples
    --------
    >>> grid_sizes((416, 416), (32, 64))
    [(13, 13), (7, 7)]
    """
    return [(-(-frame[0] // stride), -(-frame[1] // stride)) for stride in strides]


def count_places(frame: tuple[int, int], strides: tuple[int, ...]) -> int:
    """Return at how many places a network looks that has one in each cell."""
    return sum(rows * columns for rows, columns in grid_sizes(frame, strides))


def specs_of(given: Boxes, taken: FramedInput) -> tuple[ArraySpec, ...]:
    """Return the arrays that a card of this family promises, in its order."""
    frame, labels = (taken.height, taken.width), len(given.labels)
    first: int | str = taken.arrays[0].shape[0]
    places = count_places(frame, given.strides)
    rows, columns = grid_sizes(frame, given.strides)[0]
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        "yolov8": ((4 + labels, places),),
        "yolox": ((places, 5 + labels),),
        "nanodet-plus": ((places, labels), (places, 4 * _BINS)),
        "fastestdet": ((5 + labels, rows, columns),),
    }
    return tuple(
        ArraySpec(name=name, dtype="float32", shape=(first, *shape))
        for name, shape in zip(given.arrays, shapes[given.family], strict=True)
    )


def decode_boxes(outputs: Outputs, given: Boxes, taken: FramedInput) -> Found:
    """Return corners in pixels of the frame, float32 (a, 4), and scores, float32 (a, labels).

    Parameters
    ----------
    outputs : of one photo, without the batch dimension
    """
    arrays = [outputs[name] for name in given.arrays]
    with np.errstate(over="ignore", invalid="ignore"):  # who asks judges what comes of it
        return _FAMILIES[given.family](arrays, (taken.height, taken.width), given.strides)


def _cells(frame: tuple[int, int], strides: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return each cell's left upper corner, (a, 2) x and y in pixels, and stride, (a, 1)."""
    corners, sides = [], []
    for (rows, columns), stride in zip(grid_sizes(frame, strides), strides, strict=True):
        y, x = np.mgrid[:rows, :columns].astype(np.float32) * stride
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sides.append(np.full((rows * columns, 1), stride, np.float32))
    return np.concatenate(corners), np.concatenate(sides)


def _around(middles: Floats, sizes: Floats) -> Floats:
    return np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=1)


def _read_yolov8(arrays: list[Array], frame: tuple[int, int], strides: tuple[int, ...]) -> Found:
    del frame, strides
    rows = arrays[0].T
    return _around(rows[:, :2], rows[:, 2:4].clip(min=0)), rows[:, 4:]


def _read_yolox(arrays: list[Array], frame: tuple[int, int], strides: tuple[int, ...]) -> Found:
    rows = arrays[0]
    cells, sides = _cells(frame, strides)
    sizes = np.exp(rows[:, 2:4].clip(max=_LARGEST_LOG)) * sides
    return _around(rows[:, :2] * sides + cells, sizes), rows[:, 4:5] * rows[:, 5:]


def _read_nanodet(arrays: list[Array], frame: tuple[int, int], strides: tuple[int, ...]) -> Found:
    scores, distances = arrays
    cells, sides = _cells(frame, strides)
    bins = distances.reshape(-1, 4, _BINS)
    odds = np.exp(bins - bins.max(axis=2, keepdims=True))
    steps = (odds @ np.arange(_BINS, dtype=np.float32)) / odds.sum(axis=2)
    apart = steps * sides
    return np.concatenate([cells - apart[:, :2], cells + apart[:, 2:]], axis=1), scores


def _read_fastestdet(
    arrays: list[Array], frame: tuple[int, int], strides: tuple[int, ...]
) -> Found:
    rows = arrays[0].reshape(arrays[0].shape[0], -1).T
    cells, sides = _cells(frame, strides)
    extent = np.array([frame[1], frame[0]], np.float32)
    sizes = extent / (1 + np.exp(-rows[:, 3:5].clip(-80, 80)))
    things = rows[:, :1].clip(min=0) ** np.float32(_THING_POWER)
    scores = things * rows[:, 5:].clip(min=0) ** np.float32(_LABEL_POWER)
    return _around(np.tanh(rows[:, 1:3]) * sides + cells, sizes), scores.astype(np.float32)


_FAMILIES: Mapping[str, Callable[[list[Array], tuple[int, int], tuple[int, ...]], Found]] = {
    "yolov8": _read_yolov8,
    "yolox": _read_yolox,
    "nanodet-plus": _read_nanodet,
    "fastestdet": _read_fastestdet,
}
