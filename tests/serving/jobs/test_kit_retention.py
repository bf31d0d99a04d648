"""What deleted kits were made of goes once no job names it; nothing that is named ever does."""

import os
import threading
import time
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from serving.db import locks
from serving.errors import UnknownKit
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.retention import Retention
from serving.jobs.submit import NewJob, submit
from serving.kits.store import KitStore
from serving.settings import Settings
from serving.storage.objects import Storage
from serving.storage.prefixes import KITS
from tests.serving.kits.kit_files import OneKit, box_glb, own_kit, send

DAY_S = 86_400.0


@pytest.fixture
def store(engine: Engine, storage: Storage) -> KitStore:
    return KitStore(engine, storage, OneKit())


def age(engine: Engine, storage: Storage, days: int) -> None:
    """Let all that was written lie back by so many days."""
    back = time.time() - days * DAY_S
    for key in storage.keys(f"{KITS}/"):
        os.utime(storage.url_for(key).removeprefix("file://"), (back, back))
    with engine.begin() as connection:
        for table, column in (("design_kits", "deleted_at"), ("jobs", "completed_at")):
            back_by = f"{column} = {column} - make_interval(days => {days})"
            connection.execute(text(f"UPDATE {table} SET {back_by}"))


def staged(engine: Engine, version: int | None) -> None:
    """A job that named a version of the kit, and has ended."""
    asked = {"photos": ["a.jpg"], "kit": "ours", "kit_version": version}
    job_id = submit(engine, NewJob(KINDS["stage_photos"], asked, "a"), 1000).job_id
    job = attempts.take(engine, job_id, uuid4())
    assert job is not None
    attempts.complete(engine, job, {"results": []})


def kept(storage: Storage) -> set[str]:
    return {key.rpartition("/")[2] for key in storage.keys(f"{KITS}/")}


def test_what_a_deleted_kit_was_made_of_goes_and_its_versions_go_on(
    settings: Settings, engine: Engine, storage: Storage, store: KitStore
) -> None:
    mesh = send(store, "our_sofa", box_glb())
    store.put("a", "ours", own_kit())
    store.remove("a", "ours")
    assert Retention(settings, engine, storage).tidy(10).counts == {}, "it was just deleted"
    age(engine, storage, 31)
    removed = Retention(settings, engine, storage).tidy(10)
    assert removed.counts == {"kits": 1, "kit_assets": 1}
    assert mesh not in kept(storage)
    fresh = KitStore(engine, storage, OneKit())
    with pytest.raises(UnknownKit):
        fresh.resolve("a", "ours", 1)
    send(fresh, "our_sofa", box_glb())
    assert fresh.put("a", "ours", own_kit())[0].kit.version == 2


@pytest.mark.parametrize("named", [1, None])
def test_a_version_stays_for_the_jobs_that_name_it_and_as_long_as_they(
    settings: Settings, engine: Engine, storage: Storage, store: KitStore, named: int | None
) -> None:
    mesh = send(store, "our_sofa", box_glb())
    store.put("a", "ours", own_kit())
    staged(engine, named)
    store.remove("a", "ours")
    age(engine, storage, 31)
    assert Retention(settings, engine, storage).tidy(10).counts == {}
    assert KitStore(engine, storage, OneKit()).resolve("a", "ours", 1).assets["our_sofa"]
    age(engine, storage, 181)
    removed = Retention(settings, engine, storage).tidy(10).counts
    assert (removed["jobs"], removed["kits"]) == (1, 1)
    assert mesh not in kept(storage)


def test_pictures_of_a_kit_stay_and_go_with_it(
    settings: Settings, engine: Engine, storage: Storage, store: KitStore
) -> None:
    send(store, "our_sofa", box_glb())
    stored, _ = store.put("a", "ours", own_kit())
    store.put_picture("a", stored, "living_room", b"\xff\xd8 a picture")
    age(engine, storage, 31)
    assert Retention(settings, engine, storage).tidy(10).counts == {}
    shown = store.read("a", "ours")
    assert store.read_asset(shown, "preview_living_room") == b"\xff\xd8 a picture"
    store.remove("a", "ours")
    age(engine, storage, 31)
    removed = Retention(settings, engine, storage).tidy(10)
    assert removed.counts == {"kits": 1, "kit_assets": 2}


def test_a_mesh_that_no_kit_names_any_more_goes_and_those_of_versions_stay(
    settings: Settings, engine: Engine, storage: Storage, store: KitStore
) -> None:
    first = send(store, "our_sofa", box_glb())
    store.put("a", "ours", own_kit())
    lost = send(store, "our_sofa", box_glb(1.9, 0.8, 0.9))  # never put into a version
    waiting = send(store, "our_sofa", box_glb(2.1, 0.8, 0.9))
    age(engine, storage, 31)
    assert Retention(settings, engine, storage).tidy(10).counts == {"kit_assets": 1}
    assert kept(storage) == {first, waiting} != {lost}


def test_nothing_goes_while_a_kit_changes(
    settings: Settings, engine: Engine, storage: Storage, store: KitStore
) -> None:
    lost = send(store, "our_sofa", box_glb())
    store.remove_asset("a", "ours", "our_sofa")
    age(engine, storage, 31)
    with engine.begin() as changing:
        changing.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": locks.KITS})
        assert Retention(settings, engine, storage).tidy(10).counts == {}
    assert kept(storage) == {lost}
    assert Retention(settings, engine, storage).tidy(10).counts == {"kit_assets": 1}


def test_a_kit_that_is_put_waits_for_the_removal_and_writes_what_it_needs(
    engine: Engine, store: KitStore
) -> None:
    done = threading.Event()

    def put() -> None:
        send(store, "our_sofa", box_glb())
        done.set()

    with engine.begin() as removing:
        removing.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": locks.KITS})
        thread = threading.Thread(target=put)
        thread.start()
        assert not done.wait(0.5)
    assert done.wait(10)
    thread.join()
    assert store.read_assets("a", "ours")
