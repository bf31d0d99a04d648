import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session as Database

from registry.ramp.explain import explain
from registry.ramp.guard import guard
from registry.ramp.rules import RampRules
from registry.ramp.steps import advance, decisions, pause, resume
from serving.db.canary_tables import Ramp, RampInput
from serving.db.tables import Slot
from serving.errors import BadInput
from serving.models.routing import CHALLENGER
from serving.models.slots import Mode, read_slots
from tests.fakes import TASK
from tests.registry.ramp.conftest import NEW, OLD, BeginRamp, Traffics


@pytest.fixture
def quick(rules: RampRules) -> RampRules:
    """Steps that last no time."""
    steps = tuple(step.model_copy(update={"dwell_s": 0.0}) for step in rules.steps)
    return rules.model_copy(update={"steps": steps})


def ramp_of(engine: Engine) -> Ramp:
    with Database(engine) as database:
        return database.get_one(Ramp, (TASK, NEW))


def carry(engine: Engine) -> None:
    """Do the publisher's part: what the ramp wants is published."""
    ramp = ramp_of(engine)
    with engine.begin() as connection:
        beside = update(Slot).where(Slot.slot == CHALLENGER)
        connection.execute(beside.values(mode=ramp.mode, weight=ramp.weight))


def listings(count: int, word: str = "house") -> list[str]:
    return [f"{word}-{number}" for number in range(count)]


def test_a_sound_version_climbs_step_by_step_and_each_decision_comes_out_the_same(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp, quick: RampRules
) -> None:
    begin_ramp(rules=quick)
    traffic.pair(listings(1500))
    weights = []
    for step in range(1, 7):
        made = advance(engine, TASK)
        assert made is not None, ramp_of(engine).why
        weights.append(ramp_of(engine).weight)
        advance(engine, TASK)
        assert ramp_of(engine).weight == weights[-1], "not before that weight is published"
        carry(engine)
        share, ours = weights[-1] / 100, 6 if weights[-1] == 1 else 101
        traffic.expose(listings(ours, f"step-{step}"), share=share)
        if share < 1:
            rest = round(ours * (1 - share) / share)
            traffic.expose(listings(rest, f"old-{step}"), OLD, share=share)
    assert weights == [1, 5, 25, 50, 100, 100]
    assert ramp_of(engine).state == "promoting"
    kinds = [one.decision for one in decisions(engine, TASK) if one.decision != "hold"]
    assert kinds == ["begin", *["advance"] * 5, "promote"]
    found = explain(engine, TASK, NEW)
    assert [one.same for one in found if one.decided.decision != "begin"] == [True] * len(found[1:])


def test_decisions_that_do_not_follow_from_what_is_kept_are_found(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp(Mode.CANARY, 5.0)
    traffic.pair(listings(60), role="served")
    traffic.fail(listings(40))
    guard(engine)
    assert [one.same for one in explain(engine, TASK, NEW)] == [None, True]
    with engine.begin() as connection:
        newest = select(RampInput.id).order_by(RampInput.id.desc()).limit(1)
        connection.execute(delete(RampInput).where(RampInput.id.in_(newest)))
    (_, last) = explain(engine, TASK, NEW)
    assert last.same is False
    assert "verdict.listings was 60 and comes out as 59" in last.differences


def test_without_traffic_nothing_is_raised_and_nothing_is_said_twice(
    engine: Engine, begin_ramp: BeginRamp, quick: RampRules
) -> None:
    begin_ramp(rules=quick)
    first = advance(engine, TASK)
    assert first is not None
    assert (first.decision, ramp_of(engine).weight) == ("hold", 0.0)
    assert advance(engine, TASK) is None


def test_a_paused_ramp_stays_and_goes_on_from_the_step_of_its_weight(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp, quick: RampRules
) -> None:
    begin_ramp(Mode.CANARY, 30.0, rules=quick)
    assert ramp_of(engine).state == "paused", "a person has given it traffic"
    traffic.pair(listings(1500))
    traffic.expose(listings(200), share=0.3)
    advance(engine, TASK)
    assert ramp_of(engine).weight == 30.0
    assert resume(engine, TASK, "ada").step == 3
    with pytest.raises(BadInput, match="no ramp that is paused"):
        resume(engine, TASK, "ada")
    assert pause(engine, TASK, "ada", "lunch").why == "lunch"


def test_the_sensor_takes_back_what_the_guard_would(
    engine: Engine, traffic: Traffics, begin_ramp: BeginRamp
) -> None:
    begin_ramp()
    traffic.pair(listings(100), agrees=False, distance=0.9)
    made = advance(engine, TASK)
    assert made is not None
    assert (made.decision, made.by) == ("roll_back", "ramp")
    assert "kitchen" in made.why or "disagree" in made.why or "distance" in made.why
    assert read_slots(engine)[TASK, CHALLENGER].stopped == made.why
    assert advance(engine, TASK) is None
