"""How well boxes are found: average precision and recall of each label.

A box is right if it shares at least half of its union with a thing of its label that no surer box
was right about; M. Everingham et al., "The PASCAL visual object classes challenge", IJCV 88, 2010.
Boxes on what may be there or not count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.perception.boxes import overlaps
from serving.perception.detect import Detection
from training.detector.agreement import Taught, corners_of

OVERLAP = 0.5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What a detector made of one photo.

    Attributes
    ----------
    labels, confidences, right : of each box that counts, the surest first
    there : how many things of each label there are
    """

    labels: tuple[str, ...]
    confidences: tuple[float, ...]
    right: tuple[bool, ...]
    there: dict[str, int]

    def worth(self, sure: float) -> float:
        """Return the F-measure of the boxes of at least that confidence, 0..1; 1 if none are right.

        None of none is right: an empty room that is left empty is worth 1.
        """
        said = [
            hit for hit, score in zip(self.right, self.confidences, strict=True) if score >= sure
        ]
        total = len(said) + sum(self.there.values())
        return 2 * sum(said) / total if total else 1.0


def judge(found: Sequence[Detection], truth: Taught) -> Judged:
    """Compare boxes, the surest first, with what is there.

    Examples
    --------
    >>> bed = Detection("bed", 0.9, (0, 0, 10, 10))
    >>> truth = Taught(size=(20, 20), agreed=(bed,), unsure=(Detection("sofa", 1, (9, 9, 20, 20)),))
    >>> said = [bed, bed, Detection("sofa", 0.5, (9, 9, 19, 20))]
    >>> judge(said, truth).right
    (True, False)
    """
    things = _overlap(found, truth.agreed)
    doubts = _overlap(found, truth.unsure)
    free = np.ones(len(truth.agreed), bool)
    kept: list[tuple[str, float, bool]] = []
    for place, one in enumerate(found):
        open_things = np.where(free, things[place], 0)
        best = int(open_things.argmax()) if open_things.size else 0
        right = bool(open_things.size and open_things[best] >= OVERLAP)
        if right:
            free[best] = False
        elif doubts[place].max(initial=0) >= OVERLAP:
            continue
        kept.append((one.label, one.confidence, right))
    there: dict[str, int] = {}
    for one in truth.agreed:
        there[one.label] = there.get(one.label, 0) + 1
    labels, confidences, hits = zip(*kept, strict=True) if kept else ((), (), ())
    return Judged(labels, confidences, hits, there)


def _overlap(found: Sequence[Detection], things: Sequence[Detection]) -> NDArray[np.float32]:
    """Return the overlap of boxes with things of their own label, float32 (found, things)."""
    same = np.array([[a.label == b.label for b in things] for a in found], bool)
    shared = overlaps(corners_of(found), corners_of(things))
    return np.where(same.reshape(shared.shape), shared, np.float32(0))


def average_precision(confidences: Floats, right: NDArray[np.bool_], there: int) -> float:
    """Return the area under precision by recall, each precision the best at that recall or above.

    Examples
    --------
    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.8333333333333333
    """
    if not there:
        return float("nan")
    order = np.argsort(-confidences, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * right[order]).sum() / there)


def label_figures(judged: Sequence[Judged], sure: float, least: int) -> dict[str, dict[str, float]]:
    """Return `ap50`, `recall`, `precision` and `things` of each label that is often enough there.

    Parameters
    ----------
    sure : confidence from which a box is answered, for recall and precision
    least : things of a label from which it is judged
    """
    names = sorted({name for one in judged for name in one.there})
    figures: dict[str, dict[str, float]] = {}
    for name in names:
        there = sum(one.there.get(name, 0) for one in judged)
        said = [
            (score, hit)
            for one in judged
            for label, score, hit in zip(one.labels, one.confidences, one.right, strict=True)
            if label == name
        ]
        scores = np.array([score for score, _ in said], np.float64)
        right = np.array([hit for _, hit in said], bool)
        if there >= least:
            hits, answered = int(right[scores >= sure].sum()), int((scores >= sure).sum())
            figures[name] = {
                "ap50": average_precision(scores, right, there),
                "recall": hits / there,
                "precision": hits / answered if answered else float("nan"),
                "things": float(there),
            }
    return figures


def mean_ap(judged: Sequence[Judged], least: int = 1) -> float:
    """Return the mean average precision of the labels that are there; NaN if there are none.

    Parameters
    ----------
    least : things of a label from which it counts; where no label has as many, all count
    """
    often = label_figures(judged, 0.0, least) or label_figures(judged, 0.0, 1)
    found = [one["ap50"] for one in often.values()]
    return float(np.mean(found)) if found else float("nan")


def best_threshold(judged: Sequence[Judged]) -> float:
    """Return the confidence from which boxes of all labels together have the best F-measure."""
    said = [pair for one in judged for pair in zip(one.confidences, one.right, strict=True)]
    there = sum(sum(one.there.values()) for one in judged)
    if not said or not there:
        return 0.5
    scores, right = (np.array(column) for column in zip(*said, strict=True))
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order].astype(np.float64))
    measure = 2 * hits / (np.arange(1, len(hits) + 1) + there)
    return float(np.clip(scores[order][int(measure.argmax())], 0.05, 0.95))
