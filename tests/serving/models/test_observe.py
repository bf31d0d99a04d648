import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from serving.audio.beat_tracker import BEAT_TRACKER, BeatAnswer
from serving.card import ArrayInput, ArraySpec, ModelCard, Sequence
from serving.db.canary_tables import BadEvent, Exposure, ObservedBatch, Prediction
from serving.encoded import Encoded
from serving.jobs.erasure import request_erasure
from serving.models import observe, observed_rows
from serving.models.large_answers import store_large
from serving.models.observe import Bad, Observed, Observer, Picture
from serving.models.observed_rows import Entry
from serving.models.routing import CHALLENGER
from serving.storage.objects import Storage
from tests.serving.models.observations import BESIDE, about, observed, room_answer, said

Open = Callable[..., Observer]


@pytest.fixture
def open_one(engine: Engine, storage: Storage) -> Iterator[Open]:
    opened = []

    def make(max_bytes: int = 2**24, sampled: float = 0.0) -> Observer:
        opened.append(Observer(engine, storage, max_bytes, sampled))
        return opened[-1]

    yield make
    for observer in opened:
        observer.close(5.0)


def count(engine: Engine, table: type = Prediction) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_a_row_says_all_that_is_known_of_an_answer(engine: Engine, open_one: Open) -> None:
    observer, pair = open_one(), uuid4()
    champion = said(room_answer("red"))
    embedding = np.arange(8, dtype=np.float32) / 8
    challenger = replace(said(room_answer("green", 0.94), CHALLENGER), embedding=embedding)
    picture = Picture(np.full((16, 16, 3), (200, 100, 50), np.uint8), (40, 60))
    observer.observe(observed(said=challenger, other=champion, pair_id=pair, picture=picture))
    observer.observe(observed(said=champion, other=challenger, pair_id=pair, role="paired"))
    assert observer.flush()
    with engine.connect() as connection:
        rows = connection.execute(select(Prediction).order_by(Prediction.id)).all()
    first, second = rows
    assert (first.slot, first.version, first.role) == ("challenger", "2", "served")
    assert (first.label, first.label_group, first.agrees) == ("green", "red", False)
    assert first.distance == pytest.approx(0.89)
    assert (first.shift, second.shift) == (pytest.approx(0.04), None)
    assert np.array_equal(np.frombuffer(first.embedding, "<f2"), embedding.astype("<f2"))
    assert first.answer["scores"] == {"green": 0.94, "red": 0.03, "blue": 0.03} | {
        name: pytest.approx(0.03) for name in ("red", "blue")
    }
    assert first.image_statistics["height"] == 40
    assert first.image_statistics["red_minus_blue"] == pytest.approx(0.588, abs=0.001)
    assert (second.role, second.label_group, second.agrees) == ("paired", "red", None)
    assert first.pair_id == second.pair_id == pair
    assert (second.listing_id, second.client, second.photo) == ("house-1", "shop", "a.jpg")


def test_rows_and_drops_together_are_the_answers(engine: Engine, open_one: Open) -> None:
    observer = open_one(max_bytes=100_000)

    def many(number: int) -> list[Observed]:
        return [observed(f"h-{number}", photo) for photo in range(200)]

    threads = [
        threading.Thread(target=lambda n=n: deque(map(observer.observe, many(n)), maxlen=0))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    observer.close()
    assert observer.answers == 800
    assert observer.dropped["full"] > 0, "more than had room"
    assert count(engine) == observer.rows == 800 - sum(observer.dropped.values())
    with engine.connect() as connection:
        noted = connection.execute(
            select(func.sum(ObservedBatch.rows), func.sum(ObservedBatch.dropped))
        ).one()
    assert noted[0] == observer.rows


def test_what_waits_never_passes_its_bytes(open_one: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("", {}, psycopg.OperationalError("away"))

    monkeypatch.setattr(observe, "write_batch", away)
    observer = open_one(max_bytes=50_000)
    for number in range(500):
        observer.observe(observed(number=number))
        observer.flush()
    assert 40_000 < observer._bytes <= 50_000
    monkeypatch.undo()
    assert observer.flush()
    assert observer._bytes == 0
    assert observer.rows + sum(observer.dropped.values()) == observer.answers == 500


def test_a_batch_whose_commit_was_not_heard_of_is_not_written_twice(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one()
    lost: list[object] = []

    do_commit = engine.dialect.do_commit

    def commit_and_lose(connection: Any) -> None:  # noqa: ANN401 - the dialect's own
        do_commit(connection)
        if len(lost) < 1:
            lost.append(connection)
            raise psycopg.OperationalError("the connection is gone")

    engine.dialect.do_commit = commit_and_lose  # type: ignore[method-assign, assignment]
    try:
        observer.observe(observed())
        observer.flush()
        observer.flush()
    finally:
        engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
    assert lost, "no commit was lost"
    assert count(engine) == observer.rows == 1


def test_a_connection_that_is_killed_within_a_batch_loses_and_doubles_nothing(
    engine: Engine, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = open_one()
    killed: list[bool] = []
    write_exposures = observed_rows._write_exposures

    def kill_first(connection: object, entries: object) -> None:
        if not killed:
            killed.append(True)
            own = connection.scalar(text("SELECT pg_backend_pid()"))  # type: ignore[attr-defined]
            with engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            time.sleep(0.05)
        write_exposures(connection, entries)  # type: ignore[arg-type]

    monkeypatch.setattr(observed_rows, "_write_exposures", kill_first)
    for number in range(5):
        observer.observe(observed(number=number))
    observer.flush()
    assert observer.flush()
    assert killed
    assert count(engine) == observer.rows == observer.answers == 5
    assert count(engine, Exposure) == 1


def test_one_row_that_is_refused_takes_no_other_with_it(engine: Engine, open_one: Open) -> None:
    observer = open_one()
    for number in range(7):
        observer.observe(observed(number=number))
    damaged = observer._waiting[3]
    assert isinstance(damaged, Entry)
    observer._waiting[3] = replace(damaged, row=b'{"task": "x"}')
    assert observer.flush()
    assert count(engine) == 6
    assert observer.dropped == {"refused": 1}


def test_answers_wait_for_a_database_that_is_not_migrated_yet(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE bad_events RENAME TO not_yet"))
    observer.observe_bad(Bad(about("h"), BESIDE, "error"))
    observer.observe(observed())
    assert not observer.flush()
    assert not observer.dropped
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE not_yet RENAME TO bad_events"))
    assert observer.flush()
    assert count(engine) == count(engine, BadEvent) == 1


def test_a_row_that_is_too_large_for_an_index_takes_no_other_with_it(
    engine: Engine, open_one: Open
) -> None:
    observer, noise = open_one(), "".join(sha256(bytes([n])).hexdigest() for n in range(200))
    for listing in ("before", noise, "after"):
        observer.observe(observed(listing))
    assert observer.flush()
    assert count(engine) == 2
    assert observer.dropped == {"refused": 1}


@pytest.mark.parametrize("text_", ["nul \0 inside", "half of a pair \ud800", "quote \" \\u0000 '"])
def test_any_text_of_a_client_is_kept(engine: Engine, open_one: Open, text_: str) -> None:
    observer = open_one()
    observer.observe(observed(about=replace(about(text_), photo=text_)))
    observer.observe_bad(Bad(about(text_), BESIDE, "error", reason=text_))
    assert observer.flush()
    assert count(engine) == count(engine, Exposure) == count(engine, BadEvent) == 1
    assert not observer.dropped


def test_answers_are_sampled_by_listing_while_nothing_stands_beside(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one(sampled=0.25)
    for listing in range(200):
        for number in range(3):
            observer.observe(observed(f"house-{listing}", number, beside=None))
    observer.flush()
    with engine.connect() as connection:
        per_listing = connection.execute(
            select(Prediction.listing_key, func.count()).group_by(Prediction.listing_key)
        ).all()
    assert {photos for _, photos in per_listing} == {3}, "a listing is kept whole"
    assert 25 < len(per_listing) < 75
    assert count(engine, Exposure) == 0


def test_exposures_say_who_was_to_answer_first_and_with_which_share(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one()
    challenger = said(slot=CHALLENGER)
    observer.observe(observed("shadowed", beside=replace(BESIDE, share=0.0)))
    observer.observe(observed("champion's"))
    observer.observe(observed("champion's", 1))
    observer.observe(observed("challenger's", said=challenger, beside=replace(BESIDE, share=0.25)))
    observer.observe(observed("challenger's", said=said(), role="paired"))
    observer.observe(observed("fell back", fell_back=True))
    observer.flush()
    observer.observe(observed("champion's", 2, beside=replace(BESIDE, share=0.5)))
    observer.flush()
    with engine.connect() as connection:
        rows = connection.execute(select(Exposure).order_by(Exposure.listing_key)).all()
    found = {(r.listing_key, r.slot, r.version, r.beside, r.share) for r in rows}
    assert found == {
        ("challenger's", "challenger", "2", "2", 0.25),
        ("champion's", "champion", "1", "2", 0.05),
        ("fell back", "challenger", "2", "2", 0.05),
    }


def test_a_listing_meets_a_bad_thing_once_for_each_version_and_kind(
    engine: Engine, open_one: Open
) -> None:
    observers = open_one(), open_one()
    for observer in observers:
        for _ in range(3):
            observer.observe_bad(Bad(about("h"), BESIDE, "fallback", reason="timeout"))
        observer.observe_bad(Bad(about("h"), BESIDE, "error", True, "1", paired=False))
        observer.flush()
    with engine.connect() as connection:
        rows = connection.execute(select(BadEvent).order_by(BadEvent.kind)).all()
    assert [(r.kind, r.slot, r.version, r.beside, r.share, r.reason) for r in rows] == [
        ("error", "champion", "1", "2", 0.05, ""),
        ("fallback", "challenger", "2", "2", 0.5, "timeout"),
    ]


def test_an_uncached_answer_far_slower_than_the_champion_is_slow(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one()
    for number in range(100):
        observer.observe(observed(f"usual-{number}", number))
    slow = said(slot=CHALLENGER, seconds=0.4)
    observer.observe(observed("slow", said=slow, pair_id=uuid4()))
    observer.observe(observed("known", said=replace(slow, prediction=said(cached=True).prediction)))
    observer.observe(observed("fast enough", said=said(slot=CHALLENGER, seconds=0.12)))
    observer.observe(observed("also the champion", said=said(seconds=0.4)))
    observer.flush()
    with engine.connect() as connection:
        rows = connection.execute(select(BadEvent).order_by(BadEvent.listing_key)).all()
    assert [(r.listing_key, r.kind, r.version, r.share) for r in rows] == [
        ("also the champion", "slow", "1", 0.05),
        ("slow", "slow", "2", 0.5),
    ]


def test_what_was_answered_before_a_listing_was_erased_is_not_written_after(
    engine: Engine, open_one: Open
) -> None:
    observer = open_one()
    observer.observe(observed("erased"))
    observer.observe_bad(Bad(about("erased"), BESIDE, "error"))
    observer.observe(observed("other"))
    observer.observe(observed(about=about("erased", client="another")))
    request_erasure(engine, "shop", listing_id="erased")
    time.sleep(0.02)
    observer.observe(observed("erased", 1))
    observer.flush()
    with engine.connect() as connection:
        rows = connection.execute(select(Prediction).order_by(Prediction.id)).all()
    left = [(r.listing_id, r.client, r.content_sha256[-1]) for r in rows]
    assert left == [("other", "shop", "0"), ("erased", "another", "a"), ("erased", "shop", "1")]
    assert count(engine, BadEvent) == 0
    assert observer.dropped == {"erased": 1}


def test_at_the_end_what_waits_is_written_or_counted(
    engine: Engine, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = open_one()
    observer.observe(observed())
    observer.close()
    observer.observe(observed(number=1))
    assert count(engine) == 1
    assert observer.dropped == {"ended": 1}

    def away(*_: object) -> None:
        raise OperationalError("", {}, psycopg.OperationalError("away"))

    late = open_one()
    monkeypatch.setattr(observe, "write_batch", away)
    late.observe(observed(number=2))
    started = time.monotonic()
    late.close(0.3)
    assert time.monotonic() - started < 5.0
    assert late.dropped == {"ended": 1}
    assert late.answers == late.rows + 1


def test_answers_whose_maps_lie_in_the_storage_are_compared_all_the_same(
    engine: Engine, open_one: Open, storage: Storage
) -> None:
    card = ModelCard(
        task=BEAT_TRACKER.name,
        input=ArrayInput(arrays=(ArraySpec(name="x", dtype="float32", shape=("n", 2)),)),
        output=Sequence(rate_hz=50, columns=("beat", "downbeat", "neither")),
        licence="Apache-2.0", backbone="tcn", precision="fp32", data_version="1",
    )  # fmt: skip
    beats = np.random.default_rng(0).random((60_000, 3)).astype(np.float32)
    champion, other = (
        store_large(BeatAnswer(Encoded.of_map(values)), storage) for values in (beats, 1 - beats)
    )
    assert champion.probabilities.key, "the answer is too small to lie in the storage"
    observer = open_one()
    which = replace(about(), task=BEAT_TRACKER)
    observer.observe(
        observed(
            about=which,
            said=said(other, CHALLENGER, card=card),
            other=said(champion, card=card),
            pair_id=uuid4(),
        )
    )
    assert observer.flush()
    with engine.connect() as connection:
        row = connection.execute(select(Prediction)).one()
    assert row.agrees is False
    assert row.distance == pytest.approx(0.5, abs=0.01)
    assert row.answer["probabilities"]["data"] == ""
    assert row.answer["probabilities"]["sha256"] == other.probabilities.sha256
    assert observer._bytes == 0
