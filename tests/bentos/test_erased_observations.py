"""Nothing that was observed of an erased listing is left in any table or object."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, func, inspect, select, text

from serving.access.api_keys import hash_key
from serving.db.canary_tables import Exposure, KeptPhoto, Prediction, RampListing
from serving.db.partitions import make_partitions
from serving.jobs.erasure import Eraser, request_erasure
from serving.jobs.kinds import KINDS
from serving.jobs.submit import NewJob, submit
from serving.models.kept_photos import PhotoKeeper
from serving.models.local import LocalModels
from serving.models.observe import Bad, Observer, Picture
from serving.models.routing import CHALLENGER
from serving.settings import Settings
from serving.storage.cache import Answers
from serving.storage.objects import Storage
from tests.bentos.gateway_client import open_gateway_client
from tests.serving.models.observations import BESIDE, about, observed, room_answer, said

PICTURE = Picture(np.full((16, 16, 3), 90, np.uint8), (40, 60))
OTHER = {"X-API-Key": "another key"}


def sha(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


@pytest.fixture
def client(
    settings: Settings, engine: Engine, storage: Storage, models: LocalModels
) -> Iterator[TestClient]:
    keys = {"shop": (hash_key("key"),), "other": (hash_key("another key"),)}
    settings = settings.model_copy(update={"api_keys": keys})
    with open_gateway_client(settings, engine, storage, models) as client:
        yield client


def see(
    engine: Engine, storage: Storage, listing: str | None, photo: str, client: str = "shop"
) -> None:
    """Let both versions answer about a photo, disagree, be slow, and be contradicted."""
    observer = Observer(engine, storage, 2**24, 0.0, PhotoKeeper(engine, storage, 0.01))
    which = about(listing, sha(photo), client)
    champion, other = said(), said(room_answer("green"), CHALLENGER)
    both = replace(observed(), about=which, pair_id=uuid4(), picture=PICTURE)
    observer.observe(replace(both, said=other, other=champion))
    observer.observe(replace(both, said=champion, role="paired", picture=None))
    observer.observe_bad(Bad(which, BESIDE, "fallback", reason="timeout"))
    observer.close()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO feedback (task, content_sha256, listing_key, listing_id, client) "
                "VALUES ('t', :sha, :key, :listing, :client)"
            ),
            {"sha": sha(photo), "key": which.listing_key, "listing": listing, "client": client},
        )
        connection.execute(
            text(
                "INSERT INTO ramp_listings (task, version, listing_key) VALUES "
                "('room-classifier', '2', :key) ON CONFLICT DO NOTHING"
            ),
            {"key": which.listing_key},
        )


def tables_that_name(engine: Engine, word: str) -> set[str]:
    """Return every table a row of which holds the word, however deep."""
    found = set()
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            rows = text(f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, :word) > 0')
            if connection.scalar(rows, {"word": word}):
                found.add(table)
    return found


def count(engine: Engine, table: type) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("partitioned", [True, False])
def test_no_table_and_no_object_knows_an_erased_listing(
    client: TestClient, engine: Engine, storage: Storage, partitioned: bool
) -> None:
    if partitioned:
        make_partitions(engine)
    for photo in ("kitchen", "bath"):
        see(engine, storage, "villa-77", photo)
    answers = Answers(engine, 100)
    answers.put(sha("kitchen"), "room-classifier", "1@a.b", {"of": "a body that was not stored"})
    answers.flush()
    see(engine, storage, None, "kitchen")  # the same photo, sent without its listing
    assert {"predictions", "exposures", "bad_events", "feedback", "kept_photos"} <= (
        tables_that_name(engine, "villa-77")
    )
    assert len(list(storage.keys("kept/"))) == 3
    told = client.delete("/internal/listings/villa-77/data").json()
    assert told["finished"] is True
    assert told["erased"] == {
        "answers": 1,
        "predictions": 6,
        "exposures": 2,
        "bad_events": 2,
        "ramp_listings": 2,
        "feedback": 3,
        "kept_photos": 3,
    }
    assert tables_that_name(engine, "villa-77") == {"erasures"}
    assert tables_that_name(engine, sha("kitchen")) == set()
    assert list(storage.keys("kept/")) == []


def test_a_photo_of_two_listings_stays_with_the_other(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    see(engine, storage, "sold", "facade")
    see(engine, storage, "for rent", "facade")
    told = client.delete("/internal/listings/sold/data").json()["erased"]
    assert told["predictions"] == 2
    with engine.connect() as connection:
        assert set(connection.scalars(select(Prediction.listing_id))) == {"for rent"}
        (kept,) = connection.execute(select(KeptPhoto)).all()
    assert kept.listing_id == "for rent"
    assert list(storage.keys("kept/")) == [kept.object_key]
    assert storage.read(kept.object_key)[:4] == b"RIFF"


def test_another_clients_listing_of_the_same_name_stays_until_it_is_erased_too(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    see(engine, storage, "42", "hall")
    see(engine, storage, "42", "hall", "other")
    client.delete("/internal/listings/42/data")
    assert count(engine, Prediction) == 2
    assert count(engine, Exposure) == count(engine, RampListing) == 1
    assert count(engine, KeptPhoto) == 1
    client.delete("/internal/listings/42/data", headers=OTHER)
    for table in (Prediction, Exposure, RampListing, KeptPhoto):
        assert count(engine, table) == 0
    assert list(storage.keys("kept/")) == []


def test_what_is_observed_after_the_wish_stays(
    client: TestClient, engine: Engine, storage: Storage
) -> None:
    see(engine, storage, "42", "hall")
    client.delete("/internal/listings/42/data")
    see(engine, storage, "42", "hall")
    assert count(engine, Prediction) == 2
    assert count(engine, KeptPhoto) == 1


def test_the_data_of_an_erased_job_goes_with_it(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    job = submit(engine, NewJob(KINDS["classify_photos"], {"photos": []}, "shop", "42"), 10).job_id
    observer = Observer(engine, storage, 2**24)
    observer.observe(observed(about=about("42", sha("x"), job_id=job)))
    observer.observe(observed(about=about("42", sha("y"))))
    observer.close()
    eraser = Eraser(settings, engine, storage)
    row = eraser.carry_on(request_erasure(engine, "shop", job_id=job), 5)
    assert row.erased == {"jobs": 1, "predictions": 1}
    assert count(engine, Prediction) == 1
