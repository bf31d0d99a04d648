"""Large maps and pictures of answers: in the object storage, with their key in the answer."""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import cast

from serving.encoded import Encoded
from serving.storage.objects import Storage, read_by_sha256, write_by_sha256
from serving.storage.prefixes import PREDICTIONS
from serving.task import Answer

# a row of the cache and a reply to a batch of 32 stay small
LARGE_BYTES = 256 * 2**10


def store_large(answer: Answer, storage: Storage) -> Answer:
    """Return the answer with its large maps and pictures in the storage; others stay within."""
    return _replace_encoded(answer, lambda part: _store(part, storage))


def has_stored(answer: Answer) -> bool:
    """Say whether a part of the answer lies in the storage, from where it goes in time."""
    keys: list[str] = []

    def note(part: Encoded) -> Encoded:
        keys.append(part.key)
        return part

    _replace_encoded(answer, note)
    return any(keys)


def without_files(answer: Answer) -> Answer:
    """Return the answer with the hashes of its maps and pictures in their place."""
    return _replace_encoded(answer, _name)


def load_stored(answer: Answer, storage: Storage) -> Answer:
    """Return the answer with all its maps and pictures within; ObjectNotFound if one is gone."""
    return _replace_encoded(answer, lambda part: _load(part, storage))


def _store(part: Encoded, storage: Storage) -> Encoded:
    if len(part.data) <= LARGE_BYTES:
        return part
    sha256 = write_by_sha256(storage, PREDICTIONS, part.data)
    return Encoded(media_type=part.media_type, key=f"{PREDICTIONS}/{sha256}", sha256=sha256)


def _name(part: Encoded) -> Encoded:
    sha256 = part.sha256 or hashlib.sha256(part.data).hexdigest()
    return Encoded(media_type=part.media_type, key=part.key, sha256=sha256)


def _load(part: Encoded, storage: Storage) -> Encoded:
    if not part.key:
        return part
    data = read_by_sha256(storage, PREDICTIONS, part.sha256)
    return Encoded(media_type=part.media_type, data=data)


def _replace_encoded(answer: Answer, replace: Callable[[Encoded], Encoded]) -> Answer:
    """Return a copy of the answer, a dataclass or model, in which each `Encoded` was replaced."""
    return cast(Answer, _walk(answer, replace))


def _walk(value: object, replace: Callable[[Encoded], Encoded]) -> object:
    if isinstance(value, Encoded):
        return replace(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        changed = {name: new for name, old in fields if (new := _walk(old, replace)) is not old}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, tuple | list):
        items = [_walk(item, replace) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value
