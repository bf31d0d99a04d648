"""Clips are kept for all, forgotten in order, and never promised without their bytes."""

import time

import pytest
from sqlalchemy import Engine, text

from serving.storage.clips import ClipStore
from serving.storage.interface import Storage


@pytest.fixture
def store(engine: Engine, storage: Storage) -> ClipStore:
    return ClipStore(engine, storage)


def key(number: int) -> str:
    return f"{number:064}"


def keep(store: ClipStore, *numbers: int, size: int = 100) -> None:
    for number in numbers:
        store.put(key(number), bytes([number]) * size, f"photo-{number % 2}")
        time.sleep(0.002)


def kept(store: ClipStore) -> list[int]:
    return [number for number in range(10) if store.get(key(number)) is not None]


def test_what_is_put_is_got_by_anybody(store: ClipStore, engine: Engine, storage: Storage) -> None:
    keep(store, 3)
    keep(store, 3)
    other = ClipStore(engine, storage)
    assert other.get(key(3)) == b"\3" * 100
    assert other.get(key(4)) is None
    assert (other.hits, other.misses) == (1, 1)
    assert store.statistics().clips == 1


def test_the_longest_unused_goes_first_and_what_is_pinned_stays(
    store: ClipStore, storage: Storage
) -> None:
    keep(store, 0, 1, 2, 3, 4)
    store.get(key(0))
    assert store.pin("photo-1") == 2
    assert store.evict(max_bytes=300, max_age_s=3600) == 2
    assert kept(store) == [0, 1, 3]
    assert len(list(storage.keys("clips/"))) == 3
    assert store.statistics().pinned == 2
    held = [(photo.photo_sha256, photo.bytes, photo.pinned) for photo in store.by_photo(9)]
    assert held == [("photo-1", 200, 2), ("photo-0", 100, 0)]
    assert store.pin("photo-7") == 0
    assert store.pin("photo-1", pinned=False) == 2
    assert store.evict(max_bytes=0, max_age_s=3600) == 3


def test_age_and_expiry_end_a_clip(store: ClipStore, engine: Engine) -> None:
    keep(store, 0, 1, 2)
    with engine.begin() as connection:
        for number, change in (
            (0, "accessed_at = now() - interval '2 h'"),
            (1, "expires_at = now()"),
        ):
            connection.execute(
                text(f"UPDATE cached_clips SET {change} WHERE config_sha256 = :key"),
                {"key": key(number)},
            )
    assert store.get(key(1)) is None, "an expired clip is not given out before it is evicted"
    assert store.evict(max_bytes=10**9, max_age_s=3600) >= 1
    assert kept(store) == [2]


def test_a_photos_clips_are_forgotten_together(store: ClipStore) -> None:
    keep(store, 0, 1, 2, 3)
    assert store.invalidate("photo-0") == 2
    assert kept(store) == [1, 3]


def test_a_clip_whose_bytes_are_gone_or_damaged_is_made_anew(
    store: ClipStore, storage: Storage
) -> None:
    keep(store, 5)
    (name,) = storage.keys("clips/")
    storage.delete(name)
    assert store.get(key(5)) is None
    assert store.statistics().clips == 0
    keep(store, 5)
    assert kept(store) == [5]
