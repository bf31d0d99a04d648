"""The header `Model-Versions`: which versions' answers are in a response (RFC 9651)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import http_sf

from serving.models.results import FailedResult, ModelUsed, RoomResult

HEADER = "Model-Versions"
# what the OpenAPI document says of it
DOCUMENTED: dict[str, Any] = {
    HEADER: {
        "description": "The model versions whose answers these are, by task: a dictionary of "
        "structured fields (RFC 9651). Where several versions of a task answered, its value is a "
        "list of them.",
        "schema": {"type": "string"},
        "example": 'room-classifier="7";slot=challenger, photo-quality="2";slot=champion',
    }
}

_Used = tuple[str, str, str]


def model_versions(results: Iterable[RoomResult | FailedResult]) -> dict[str, str]:
    """Return the header as a response takes it; nothing where no model answered."""
    used = dict.fromkeys(_key(model) for result in results for model in _models_of(result))
    return write_versions(tuple(used))


def _models_of(result: RoomResult | FailedResult) -> Sequence[ModelUsed]:
    return () if isinstance(result, FailedResult) else result.used()


def _key(model: ModelUsed) -> _Used:
    return model.name, model.version, model.slot


@lru_cache(512)
def _serialise(used: tuple[_Used, ...]) -> str:
    """Return a dictionary of structured fields: the same few versions answer all day.

    Examples
    --------
    >>> _serialise((("rooms", "7", "challenger"), ("quality", "2", "champion")))
    'rooms="7";slot=challenger, quality="2";slot=champion'
    >>> _serialise((("rooms", "7", "challenger"), ("rooms", "6", "champion")))
    'rooms=("7";slot=challenger "6";slot=champion)'
    """
    tasks: dict[str, list[Any]] = {}
    for task, version, slot in used:
        printable = "".join(c if " " <= c <= "~" else "?" for c in version)
        tasks.setdefault(task, []).append((printable, {"slot": http_sf.Token(slot)}))
    members = {task: of[0] if len(of) == 1 else (of, {}) for task, of in tasks.items()}
    return str(http_sf.ser(members))


def write_versions(used: tuple[_Used, ...]) -> dict[str, str]:
    """Return the header for (task, version, slot) of each; nothing of none."""
    return {HEADER: _serialise(used)} if used else {}
