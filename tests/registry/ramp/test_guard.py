import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session as Database

from registry.ramp.explain import explain
from registry.ramp.guard import guard
from registry.ramp.rules import RampRules
from registry.ramp.steps import decisions
from serving.db.canary_tables import (
    Feedback,
    Prediction,
    Ramp,
    RampInput,
    RampListing,
    Rollback,
)
from serving.db.tables import Job, Slot, WebhookDelivery
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import Mode, read_slots
from tests.fakes import TASK
from tests.registry.older import rules_without_certainty
from tests.registry.ramp.conftest import NEW, OLD, SHA, BeginRamp, Traffics


def records(engine: Engine, kind: str) -> list[dict[str, Any]]:
    with Database(engine) as database:
        found = select(RampInput.record).order_by(RampInput.id)
        return [record for record in database.scalars(found) if record["kind"] == kind]


def listings(count: int, word: str = "house") -> list[str]:
    return [f"{word}-{number}" for number in range(count)]


def test_a_version_that_fails_is_stopped_and_everybody_hears_of_it_once(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp(Mode.CANARY, 5.0)
    traffic.pair(listings(60), role="served", client="backend")
    traffic.fail(listings(40))
    guard(engine)
    guard(engine)
    stopped = read_slots(engine)[TASK, CHALLENGER]
    assert "error" in stopped.stopped
    assert (stopped.mode, stopped.weight, stopped.runs) == (Mode.OFF, 0.0, False)
    with Database(engine) as database:
        assert database.scalar(select(func.count(Rollback.id))) == 1
        alert = database.scalars(select(WebhookDelivery)).one()
        assert alert.event == "model-alert"
        assert alert.payload["data"]["why"] == stopped.stopped
        assert database.scalar(select(func.count()).where(Job.type == "recall_version"))
        assert database.get_one(Ramp, (TASK, NEW)).state == "rolled_back"
    (last,) = [one for one in decisions(engine, TASK) if one.decision == "roll_back"]
    assert last.by == "guard"
    assert last.details["verdict"]["harm"] >= 100


def test_a_version_as_good_as_the_champion_goes_on(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    traffic.pair(listings(300))
    traffic.fail(listings(4), OLD)
    traffic.fail(listings(4), NEW)
    guard(engine)
    assert read_slots(engine)[TASK, CHALLENGER].runs
    with Database(engine) as database:
        ramp = database.get_one(Ramp, (TASK, NEW))
        assert ramp.state == "running"
        assert ramp.evidence["listings"] == 300


def test_each_listing_counts_once_however_often_and_by_whom_it_is_looked_at(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    traffic.pair(listings(50))
    looks = [threading.Thread(target=guard, args=(engine,)) for _ in range(4)]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    traffic.pair(listings(60))  # the first 50 come again
    guard(engine)
    guard(engine)
    found = records(engine, "listing")
    assert len(found) == 60
    assert found[0]["groups"] == {"kitchen": {"n": 1, "disagree": 0, "distance": 0.01}}
    with Database(engine) as database:
        inputs = database.scalars(select(RampInput.record)).all()
    assert "house" not in str(inputs), "what is kept for ever names no listing"


def test_an_answer_that_is_committed_after_a_later_one_is_counted_all_the_same(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    row = {"task": TASK, "slot": CHALLENGER, "version": NEW, "content_sha256": SHA, "answer": {}}
    with engine.connect() as slow:
        slow.execute(insert(Prediction).values(**row, listing_key="slow", agrees=True))
        traffic.pair(["quick"])
        for _ in range(7):
            guard(engine)
        slow.commit()
    guard(engine)
    assert len(records(engine, "listing")) == 2


def test_a_listing_is_counted_when_its_first_answer_has_settled(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp, rules: RampRules
) -> None:
    begin_ramp(rules=rules.model_copy(update={"settle_s": 20.0}))
    traffic.pair(listings(1), agrees=False, distance=float("nan"))
    guard(engine)
    assert records(engine, "listing") == []
    traffic.pair(listings(1), label_group="bedroom")
    with engine.begin() as connection:
        connection.execute(update(RampListing).values(seen_at=func.now() - timedelta(seconds=21)))
    guard(engine)
    (found,) = records(engine, "listing")
    assert found["groups"] == {
        "bedroom": {"n": 1, "disagree": 0, "distance": 0.01},
        "kitchen": {"n": 1, "disagree": 1, "distance": 1.0},
    }


def test_how_much_surer_a_version_is_is_summed_up_where_every_answer_says_so(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    for shift in (0.25, -0.5, 7.0):
        traffic.pair(["house"], shift=shift)
    traffic.pair(["house"], shift=float("nan"), label_group="hall")
    traffic.pair(["house"], shift=0.1, label_group="bedroom")
    traffic.pair(["house"], label_group="bedroom")  # of a gateway that is older
    guard(engine)
    (found,) = records(engine, "listing")
    assert {name: of.get("shift") for name, of in found["groups"].items()} == {
        "kitchen": 0.75, "hall": 1.0, "bedroom": None,
    }  # fmt: skip


def test_a_version_that_is_surer_everywhere_is_taken_back_with_its_reason(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    traffic.pair(listings(150), shift=0.03, distance=0.03)
    guard(engine)
    made = decisions(engine, TASK)[-1]
    assert (made.decision, made.details["reason"]) == ("roll_back", "certainty")
    assert made.why.startswith("certainty: 3 % surer than the champion on average (150 listings)")
    assert all(one.same in (None, True) for one in explain(engine, TASK, NEW))


def test_a_ramp_that_began_before_certainty_was_watched_is_worked_out_again_the_same(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp(rules=rules_without_certainty(TASK).model_copy(update={"settle_s": 0.0}))
    traffic.pair(listings(150), shift=0.03, distance=0.03)
    traffic.fail(listings(40))
    guard(engine)
    found = explain(engine, TASK, NEW)
    assert [(one.decided.decision, one.same) for one in found] == [
        ("begin", None), ("roll_back", True),
    ]  # fmt: skip
    verdict = found[-1].decided.details["verdict"]
    assert (verdict["worst"]["metric"], "certainty" in verdict["log10"]) == ("error", False)


def test_a_listing_that_moved_or_never_worked_does_not_speak_against_the_version_alone(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp(Mode.CANARY, 5.0)
    traffic.expose(listings(10), OLD)
    traffic.fail(listings(10), OLD)
    guard(engine)
    traffic.expose([*listings(10), "fresh"])
    traffic.fail(listings(10), NEW)
    guard(engine)
    exposures = records(engine, "exposure")
    assert [one["moved"] for one in exposures if one["challenger"]] == [True] * 10 + [False]
    assert {round(one["share"], 9) for one in exposures} == {0.05}
    assert [one["challenger"] for one in records(engine, "bad")] == [False] * 10
    assert all(one["champion_bad"] == ["error"] for one in records(engine, "listing"))


def test_a_person_who_says_what_is_right_speaks_once_for_each_listing(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    for key, label in (("a", "kitchen"), ("b", "bath"), ("a", "kitchen")):
        number = len(records(engine, "x")) + hash(key) % 2**60
        pair = {"pair_id": f"00000000-0000-0000-0000-{number % 10**12:012d}"}
        sha = {"content_sha256": key * 64}
        traffic.pair([key], agrees=False, label=label, **pair, **sha)
        traffic.pair([key], version=OLD, role="served", label="hall", agrees=None, **pair, **sha)
        with engine.begin() as connection:
            row = {"task": TASK, "content_sha256": key * 64, "client": "x", "correct": "kitchen"}
            connection.execute(insert(Feedback).values(row))
        guard(engine)
    assert records(engine, "override") == [
        {"kind": "override", "challenger_right": True, "share": 0.0}
    ]


def test_another_champion_begins_the_comparison_anew_as_a_shadow(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp(Mode.CANARY, 25.0)
    traffic.pair(listings(30))
    guard(engine)
    with engine.begin() as connection:
        connection.execute(update(Slot).where(Slot.slot == CHAMPION).values(version="3"))
    guard(engine)
    row = read_slots(engine)[TASK, CHALLENGER]
    assert (row.mode, row.weight) == (Mode.SHADOW, 0.0)
    with Database(engine) as database:
        ramp = database.get_one(Ramp, (TASK, NEW))
        assert (ramp.champion, ramp.step, ramp.evidence["listings"]) == ("3", 0, 0)


@pytest.mark.parametrize("change", [{"version": "9"}, {"stopped": "by somebody", "mode": "off"}])
def test_the_guard_ends_a_ramp_whose_slot_is_not_its_own_and_raises_nothing(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp, change: dict[str, str]
) -> None:
    begin_ramp()
    traffic.pair(listings(60), agrees=False, distance=0.9)
    with engine.begin() as connection:
        connection.execute(update(Slot).where(Slot.slot == CHALLENGER).values(**change))
    before = read_slots(engine)
    guard(engine)
    assert read_slots(engine) == before
    with Database(engine) as database:
        assert database.get_one(Ramp, (TASK, NEW)).state == "withdrawn"


def test_a_ramp_that_nobody_moves_on_is_told_once(engine: Engine, begin_ramp: BeginRamp) -> None:
    begin_ramp()
    with engine.begin() as connection:
        long_ago = func.now() - timedelta(hours=1)
        connection.execute(update(Ramp).values(looked_at=long_ago))
    for _ in range(3):
        guard(engine)
    told = [one.why for one in decisions(engine, TASK) if one.decision == "alert"]
    assert told == ["nobody has looked whether the ramp may go on for 60 minutes"]
