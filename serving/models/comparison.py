"""How far two versions' answers about the same source lie apart, for every kind of output.

A pair has a group, so that a version which is wrong about one class alone is found; a distance from
0 (the same) to 1; and agrees or not, which is the part that an editor would notice. What the answer
of a kind looks like belongs to its task; here it is found by the parts that every such answer has.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from serving.card import Boxes, Classes, Curves, Map, ModelCard, Picture, Score
from serving.encoded import Encoded
from serving.errors import BadInput
from serving.task import Answer, Task

ALL = "*"
_SAME_SCORE = 0.05  # of the range: less than the step between two of the words people use for it
_SAME_STEP = 0.1  # of a step's value between 0 and 1
_SAME_SHARE = 0.05  # of steps, pixels or boxes that may differ
_SAME_BRIGHTNESS = 0.02  # mean of pixels, 0..1: 5 of 255, seen side by side at most
_OVERLAP = 0.5  # from which two boxes are the same, as in PASCAL VOC
_DECILES = 10
_UNLIKE = 1.0
_WHOLE = ""  # the number itself, beside its parts
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """How far a version's answer lies from the champion's.

    Attributes
    ----------
    group : what pairs are compared by: the champion's class, a score's decile, else `*`
    agrees : whether nobody would notice the difference
    distance : 0 the same, 1 as far as can be
    shift : how much surer than the champion it is, -1..1; less sure below 0
    """

    group: str
    agrees: bool
    distance: float
    shift: float = 0.0


def compare(
    task: Task[Any, Answer], card: ModelCard, champion: Answer, challenger: Answer
) -> Comparison:
    """Compare two versions' answers about the same source.

    Classes: the best labels are equal; total variation of the scores. Scores: the number and each
    of its parts within 5 % of the range; the largest difference as a share of it. Sequences: 95 %
    of the values within 0.1; their mean difference. Boxes: 95 % have a partner of the same label
    that overlaps by half; the share that has none. Maps: 95 % of the pixels are equal, or within
    0.1 of the champion's range; the share or mean difference. Pictures and curves: a mean
    difference of at most 0.02 of full brightness; that mean.

    The shift of classes is the difference of the best labels' probabilities, of scores that of the
    numbers as a share of the range, of boxes that of the mean confidences where both found any.
    Sequences, maps, pictures and curves do not say how sure they are: 0.

    Parameters
    ----------
    card : the champion's
    champion, challenger : with their maps and pictures within, not in the storage
    """
    output = card.output
    if isinstance(output, Classes):
        return _compare_classes(_scores_of(champion), _scores_of(challenger))
    if isinstance(output, Score):
        return _compare_scores(_numbers_of(champion), _numbers_of(challenger), output)
    if isinstance(output, Boxes):
        said = (task.answer.dump_python(answer) for answer in (champion, challenger))
        return _compare_boxes(*(_boxes_of(answer) for answer in said))
    if isinstance(output, Map | Picture):
        return _compare_pixels(_arrays_of(champion), _arrays_of(challenger), output)
    if isinstance(output, Curves):
        return _compare_levels(_arrays_of(champion), _arrays_of(challenger), 1.0)
    return _compare_steps(_arrays_of(champion), _arrays_of(challenger))


def label_of(card: ModelCard, answer: object) -> str | None:
    """Return the best class of an answer; None where the model knows no classes."""
    if not isinstance(card.output, Classes):
        return None
    scores = _scores_of(answer)
    return max(scores, key=lambda label: scores[label]) if scores else None


def group_of(card: ModelCard, answer: object) -> str:
    """Return what pairs are compared by, of the champion's answer."""
    if isinstance(card.output, Score):
        return _decile(_numbers_of(answer)[_WHOLE], card.output)
    return label_of(card, answer) or ALL


def _compare_classes(champion: Mapping[str, float], other: Mapping[str, float]) -> Comparison:
    labels = champion.keys() | other.keys()
    apart = sum(abs(champion.get(label, 0.0) - other.get(label, 0.0)) for label in labels) / 2
    best = max(champion, key=lambda label: champion[label], default=ALL)
    agrees = best == max(other, key=lambda label: other[label], default=ALL)
    surer = max(other.values(), default=0.0) - max(champion.values(), default=0.0)
    return Comparison(best, agrees, _bounded(apart), _signed(surer))


def _compare_scores(
    champion: Mapping[str, float], other: Mapping[str, float], output: Score
) -> Comparison:
    range_ = (output.highest - output.lowest) or 1.0
    apart = max(
        _bounded(abs(champion.get(part, np.nan) - other.get(part, np.nan)) / range_)
        for part in champion.keys() | other.keys()
    )
    higher = _signed((other[_WHOLE] - champion[_WHOLE]) / range_)
    return Comparison(_decile(champion[_WHOLE], output), apart <= _SAME_SCORE, apart, higher)


def _decile(number: float, output: Score) -> str:
    """Return the tenth of the range, such as `40-50`.

    Examples
    --------
    >>> _decile(100.0, Score()), _decile(41.5, Score())
    ('90-100', '40-50')
    """
    width = (output.highest - output.lowest) / _DECILES or 1.0
    place = int(np.clip((number - output.lowest) / width, 0, _DECILES - 1))
    lower = output.lowest + place * width
    return f"{lower:g}-{lower + width:g}"


def _compare_steps(champion: list[Values], other: list[Values]) -> Comparison:
    apart = _apart(champion, other)
    if apart is None:
        return Comparison(ALL, False, _UNLIKE)
    return _judge_shares(apart, float(np.mean(apart > _SAME_STEP)) if apart.size else 0.0)


def _compare_pixels(
    champion: list[Values], other: list[Values], output: Map | Picture
) -> Comparison:
    if isinstance(output, Picture):
        return _compare_levels(champion, other, 255.0)
    apart = _apart(champion, other)
    if apart is None:
        return Comparison(ALL, False, _UNLIKE)
    if output.labels:
        return _judge_shares(apart > 0, float(np.mean(apart > 0)) if apart.size else 0.0)
    spread = max((float(np.ptp(values)) for values in champion if values.size), default=0.0) or 1.0
    return _judge_shares(apart / spread, float(np.mean(apart > _SAME_STEP * spread)))


def _compare_levels(champion: list[Values], other: list[Values], white: float) -> Comparison:
    apart = _apart(champion, other)
    if apart is None:
        return Comparison(ALL, False, _UNLIKE)
    mean = _bounded(float(np.mean(apart)) / white if apart.size else 0.0)
    return Comparison(ALL, mean <= _SAME_BRIGHTNESS, mean)


def _judge_shares(apart: NDArray[Any], differ: float) -> Comparison:
    mean = float(np.mean(np.minimum(apart, 1.0))) if apart.size else 0.0
    return Comparison(ALL, differ <= _SAME_SHARE, _bounded(mean))


def _apart(champion: list[Values], other: list[Values]) -> Values | None:
    """Return the differences of all values; None if the arrays are not of the same shapes."""
    if [values.shape for values in champion] != [values.shape for values in other]:
        return None
    found = [np.abs(a - b).ravel() for a, b in zip(champion, other, strict=True)]
    apart: Values = np.concatenate(found) if found else np.zeros(0)
    return np.nan_to_num(apart, nan=_UNLIKE, posinf=_UNLIKE)


@dataclass(frozen=True)
class _Box:
    label: str
    corners: tuple[float, float, float, float]
    confidence: float | None = None


def _compare_boxes(champion: Sequence[_Box], other: Sequence[_Box]) -> Comparison:
    """Match each box with the best free one of its label."""
    free, matched = list(other), 0
    for box in champion:
        same = [candidate for candidate in free if candidate.label == box.label]
        best = max(same, key=lambda candidate: _overlap(box, candidate), default=None)
        if best is not None and _overlap(box, best) >= _OVERLAP:
            free.remove(best)
            matched += 1
    boxes = len(champion) + len(other)
    apart = 1 - 2 * matched / boxes if boxes else 0.0
    return Comparison(ALL, apart <= _SAME_SHARE, _bounded(apart), _surer_of_boxes(champion, other))


def _surer_of_boxes(champion: Sequence[_Box], other: Sequence[_Box]) -> float:
    known = [
        [box.confidence for box in boxes if box.confidence is not None]
        for boxes in (champion, other)
    ]
    if not all(known):
        return 0.0
    before, after = (float(np.mean(confidences)) for confidences in known)
    return _signed(after - before)


def _overlap(one: _Box, other: _Box) -> float:
    """Return the shared area as a part of the area of both together."""
    left, top, right, bottom = (
        (max if place < 2 else min)(one.corners[place], other.corners[place]) for place in range(4)
    )
    shared = max(right - left, 0.0) * max(bottom - top, 0.0)
    whole = sum((box.corners[2] - box.corners[0]) * (box.corners[3] - box.corners[1]) for box in
                (one, other)) - shared  # fmt: skip
    return shared / whole if whole > 0 else float(one.corners == other.corners)


def _boxes_of(said: object) -> list[_Box]:
    """Return every part of an answer that has a label and a box (left, top, right, bottom)."""
    if isinstance(said, Mapping):
        corners = said.get("box") or said.get("corners")
        if "label" in said and isinstance(corners, Sequence) and len(corners) == 4:
            left, top, right, bottom = map(float, corners)
            sure = said.get("confidence")
            confidence = None if sure is None else float(sure)
            return [_Box(str(said["label"]), (left, top, right, bottom), confidence)]
        said = list(said.values())
    if isinstance(said, list | tuple):
        return [box for part in said for box in _boxes_of(part)]
    return []


def _scores_of(answer: object) -> Mapping[str, float]:
    """Return the probability of every class: the answer's `scores`."""
    scores = getattr(answer, "scores", None)
    if not isinstance(scores, Mapping):
        raise BadInput(f"a {type(answer).__name__} has no scores of classes")
    return scores


def _numbers_of(answer: object) -> Mapping[str, float]:
    """Return the answer's `score`, and its `parts` if it has any."""
    score, parts = getattr(answer, "score", None), getattr(answer, "parts", None)
    if not isinstance(score, float | int):
        raise BadInput(f"a {type(answer).__name__} has no score")
    return {_WHOLE: score} | dict(parts if isinstance(parts, Mapping) else {})


def _arrays_of(answer: object) -> list[Values]:
    """Return the answer's maps, pictures and arrays, in their order."""
    return [_widen(array) for array in _find_arrays(answer)]


def _widen(array: NDArray[Any]) -> Values:
    values: Values = np.asarray(array, np.float64)
    return values


def _find_arrays(value: object) -> Iterator[NDArray[Any]]:
    if isinstance(value, Encoded):
        yield value.array()
    elif isinstance(value, np.ndarray):
        yield value
    else:
        for part in _parts_of(value):
            yield from _find_arrays(part)


def _parts_of(value: object) -> Iterable[object]:
    if dataclasses.is_dataclass(value):
        return [getattr(value, part.name) for part in dataclasses.fields(value)]
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in type(value).model_fields]
    return value if isinstance(value, list | tuple) else ()


def _bounded(value: float) -> float:
    """Return the value within 0..1; what is no number is as far as can be."""
    return min(max(value, 0.0), 1.0) if np.isfinite(value) else _UNLIKE


def _signed(value: float) -> float:
    """Return the value within -1..1; what is no number is as far as can be."""
    return min(max(value, -1.0), 1.0) if np.isfinite(value) else _UNLIKE
