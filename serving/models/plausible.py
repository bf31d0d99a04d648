"""Whether an answer is one at all: judged by what the model's card says that it gives."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from serving.card import Boxes, Classes, ModelCard, Score

NOT_FINITE, NONSENSE = "not_finite", "nonsense"

_SUM_MAY_DIFFER, _MARGIN = 1e-2, 1e-6


def fault_of(answer: object, card: ModelCard) -> str | None:
    """Return what is wrong with an answer, `not_finite` or `nonsense`; None: it may be right.

    Every number must be finite. Of classes, a mapping of scores must name the card's labels and sum
    to 1, and every score be a probability. Of a score, no number that the card bounds may leave its
    bounds. Of boxes, labels must be the card's.

    Examples
    --------
    >>> from serving.card import Label, PhotoInput
    >>> size = PhotoInput(height=8, width=8, mean=(0, 0, 0), std=(1, 1, 1))
    >>> labels = (Label(name="red"), Label(name="blue"))
    >>> classes = Classes(labels=labels, temperature=1.0, confident_above=0.8)
    >>> named = {"task": "rooms", "licence": "MIT", "backbone": "-", "data_version": "1"}
    >>> card = ModelCard(**named, input=size, output=classes, precision="fp32")
    >>> fault_of({"scores": {"red": 0.25, "blue": 0.75}}, card)
    >>> fault_of({"scores": {"red": 0.25, "green": 0.75}}, card)
    'nonsense'
    >>> fault_of({"scores": {"red": float("nan"), "blue": 0.75}}, card)
    'not_finite'
    """
    if not all(math.isfinite(number) for number in _numbers(answer)):
        return NOT_FINITE
    return NONSENSE if _contradicts(_fields(answer), card) else None


def _fields(value: object) -> Mapping[str, Any]:
    """Return what an answer is made of, by name; nothing of an answer without parts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return vars(value) if hasattr(value, "__dict__") else dataclasses.asdict(value)
    if isinstance(value, BaseModel):
        return dict(value)
    return value if isinstance(value, Mapping) else {}


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item)
    else:
        for part in _fields(value).values():
            yield from _numbers(part)


def _contradicts(fields: Mapping[str, Any], card: ModelCard) -> bool:
    output = card.output
    if isinstance(output, Classes):
        return _contradicts_classes(fields, {label.name for label in output.labels})
    if isinstance(output, Score):
        return _leaves_bounds(fields, output)
    if isinstance(output, Boxes):
        names = {label.name for label in output.labels}
        boxes = next((value for value in fields.values() if isinstance(value, list | tuple)), ())
        found = (_fields(box).get("label") for box in boxes)
        return any(label is not None and label not in names for label in found)
    return False


def _contradicts_classes(fields: Mapping[str, Any], labels: set[str]) -> bool:
    scores = fields.get("scores")
    if not isinstance(scores, Mapping):
        return False
    if set(scores) != labels or abs(sum(scores.values()) - 1) > _SUM_MAY_DIFFER:
        return True
    return any(not -_MARGIN <= score <= 1 + _MARGIN for score in scores.values())


def _leaves_bounds(fields: Mapping[str, Any], output: Score) -> bool:
    parts = fields.get("parts")
    named = parts if isinstance(parts, Mapping) else {}
    if output.parts and named and set(named) != set(output.parts):
        return True
    score = fields.get("score")
    numbers = [*named.values(), *([score] if isinstance(score, int | float) else [])]
    margin = (output.highest - output.lowest) * _MARGIN
    return any(not output.lowest - margin <= n <= output.highest + margin for n in numbers)
