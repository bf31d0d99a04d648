"""How well maps of classes agree: pixels, intersection over union, and borders."""

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, FURNITURE
from training.segmenter.mapping import HIDDEN

Ids = NDArray[np.uint8]
Counts = NDArray[np.int64]
IGNORED = 255  # of a true map: nobody said what is there
NAMED = tuple(name for name in CLASSES if name != "other")
KNOWN_TO_TEACHERS = tuple(name for name in NAMED if name not in HIDDEN)
# What staging needs to know apart, each of one class or several.
PARTS: Mapping[str, frozenset[str]] = {
    "wall": frozenset(("wall",)),
    "floor": frozenset(("floor",)),
    "ceiling": frozenset(("ceiling",)),
    "window": frozenset(("window",)),
    "furniture": frozenset(FURNITURE),
}


def confusion(truth: Ids, found: Ids) -> Counts:
    """Return how many pixels of each true class (rows) were called what (columns).

    Pixels of `IGNORED` are left out.

    Examples
    --------
    >>> truth = np.array([[1, 1, 255]], np.uint8)
    >>> counts = confusion(truth, np.array([[1, 2, 2]], np.uint8))
    >>> int(counts[1, 1]), int(counts[1, 2]), int(counts.sum())
    (1, 1, 2)
    """
    size, kept = len(CLASSES), truth != IGNORED
    pairs = truth[kept].astype(np.int64) * size + found[kept]
    return np.bincount(pairs, minlength=size * size).reshape(size, size)


def pixel_accuracy(counts: Counts) -> float:
    """Return the share of pixels that are named right; NaN if there are none."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def class_accuracy(counts: Counts, classes: Iterable[str]) -> float:
    """Return the share of pixels of some true classes that are named right; NaN if none is there.

    Examples
    --------
    >>> truth = np.array([[0, 1, 1, 2]], np.uint8)
    >>> counts = confusion(truth, np.array([[1, 1, 2, 2]], np.uint8))
    >>> class_accuracy(counts, ("wall",)), class_accuracy(counts, ("wall", "floor"))
    (0.5, 0.6666666666666666)
    """
    places = [CLASSES.index(name) for name in classes]
    total = counts[places].sum()
    return float(counts[places, places].sum() / total) if total else float("nan")


def overlap(counts: Counts, classes: Iterable[str]) -> float:
    """Return the intersection over union of some classes taken as one; NaN if none is there."""
    places = [CLASSES.index(name) for name in classes]
    both = counts[np.ix_(places, places)].sum()
    union = counts[places].sum() + counts[:, places].sum() - both
    return float(both / union) if union else float("nan")


def accuracies(counts: Counts) -> dict[str, float]:
    """Return the share of pixels named right: of classes that teachers know, and of all of ours.

    Pixels of what we have no class for count in neither; they count in overlaps, as what they were
    mistaken for.
    """
    return {
        "pixel_accuracy": class_accuracy(counts, KNOWN_TO_TEACHERS),
        "pixel_accuracy_all": class_accuracy(counts, NAMED),
    }


def part_overlaps(counts: Counts) -> dict[str, float]:
    """Return the intersection over union of each of PARTS, and their mean as `miou`."""
    each = {name: overlap(counts, classes) for name, classes in PARTS.items()}
    return {"miou": float(np.nanmean(list(each.values()))), **each}


def boundary_f(truth: Ids, found: Ids, classes: Sequence[str], within_px: int = 2) -> float:
    """Return the F-measure of borders of some classes taken as one, within some pixels.

    G. Csurka et al., "What is a good evaluation measure for semantic segmentation?", BMVC 2013.
    NaN if neither map has a border of them. The edge of the picture is none.
    """
    places = [CLASSES.index(name) for name in classes]
    edges = [_edge(np.isin(ids, places)) for ids in (truth, found)]
    if not edges[0].any() and not edges[1].any():
        return float("nan")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * within_px + 1, 2 * within_px + 1))
    near = [np.asarray(cv2.dilate(edge.astype(np.uint8), kernel), np.bool_) for edge in edges]
    precision, recall = (
        float((edges[one] & near[1 - one]).sum() / max(1, edges[one].sum())) for one in (1, 0)
    )
    return 2 * precision * recall / max(1e-9, precision + recall)


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that have a neighbour outside of it."""
    kernel = np.ones((3, 3), np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    return mask & ~np.asarray(inner, np.bool_)
