"""Small pictures are kept of few photos, behind the answers, and none where nobody wants any."""

import time
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from sqlalchemy import Engine, select

from serving.db.canary_tables import KeptPhoto
from serving.errors import StorageUnavailable
from serving.models import kept_photos
from serving.models.kept_photos import PhotoKeeper
from serving.models.observe import Observer, Picture, open_observer
from serving.models.routing import CHALLENGER
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.serving.models.observations import about, observed, room_answer, said

SQUEEZED = np.full((224, 224, 3), (200, 100, 50), np.uint8)
WIDE = Picture(SQUEEZED, (900, 1800))


def kept(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(select(KeptPhoto.content_sha256)))


def test_a_picture_has_its_photos_shape_and_is_no_larger_than_the_models_input(
    engine: Engine, storage: Storage
) -> None:
    keeper = PhotoKeeper(engine, storage, 1.0)
    for number, size in enumerate([(900, 1800), (1800, 900), (100, 100), (1, 4000)]):
        keeper.offer(about("h", f"{number:064x}"), Picture(SQUEEZED, size), discordant=False)
    keeper.close()
    with engine.connect() as connection:
        rows = connection.execute(select(KeptPhoto).order_by(KeptPhoto.content_sha256)).all()
    shapes = []
    for row in rows:
        data = storage.read(row.object_key)
        assert len(data) == row.bytes
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert image is not None
        shapes.append(image.shape[:2])
        assert np.abs(image.astype(int) - (200, 100, 50)).max() <= 6, "its colours changed"
    assert shapes == [(112, 224), (224, 112), (100, 100), (1, 224)]


def test_a_share_of_photos_is_kept_the_same_in_every_process_and_all_that_differ(
    engine: Engine, storage: Storage
) -> None:
    def offer(discordant: bool, count: int = 40) -> set[str]:
        keeper = PhotoKeeper(engine, storage, 0.25)
        for number in range(count):
            keeper.offer(about("h", f"{number * 7919:064x}"), WIDE, discordant)
        keeper.close()
        return kept(engine)

    sampled = offer(discordant=False)
    assert 3 <= len(sampled) <= 20
    assert offer(discordant=False) == sampled
    assert len(offer(discordant=True)) == 40


def test_versions_that_disagree_have_their_photo_kept(engine: Engine, storage: Storage) -> None:
    observer = Observer(engine, storage, 2**24, 0.0, PhotoKeeper(engine, storage, 1e-9))
    pair: dict[str, Any] = {"other": said(room_answer("red")), "pair_id": uuid4(), "picture": WIDE}
    for number, room in enumerate(("red", "green")):
        challenger = said(room_answer(room), CHALLENGER)
        observer.observe(observed(number=number, said=challenger, **pair))
    observer.close()
    assert kept(engine) == {f"{1:064x}"}


def test_nothing_is_kept_where_the_setting_says_so(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    off = settings.model_copy(update={"keep_photos": 0.0})
    observer = open_observer(off, engine, storage)
    challenger = said(room_answer("green"), CHALLENGER)
    observer.observe(observed(said=challenger, other=said(), pair_id=uuid4(), picture=WIDE))
    observer.close()
    assert observer.rows == 1
    assert kept(engine) == set()
    assert list(storage.keys("kept/")) == []


def test_a_storage_that_hangs_or_fails_holds_up_nobody(
    engine: Engine, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        time.sleep(0.2)
        raise StorageUnavailable("it is away")

    monkeypatch.setattr(storage, "write", fail)
    monkeypatch.setattr(kept_photos, "_WAITING", 3)
    observer = Observer(engine, storage, 2**24, 0.0, PhotoKeeper(engine, storage, 1.0))
    for number in range(50):
        observer.observe(observed(number=number, picture=WIDE))
    assert observer.flush(), "rows do not wait for pictures"
    assert observer.rows == 50
    observer.close(0.1)
    assert kept(engine) == set()
