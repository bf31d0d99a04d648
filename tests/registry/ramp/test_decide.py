from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.evidence import Finding, Verdict
from registry.ramp.decide import RampState, decide
from registry.ramp.rules import QuietHours, RampRules, read_rules
from registry.ramp.states import State

RULES = read_rules("no-such-task")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY_S = 86400.0
BEDROOM = Finding("disagreement", "bedroom", 0.9, 0.11, 7, 4.0, 0.015)
ERRORS = Finding("error", "*", 0.002, 0.01, 210, 0.4, 0.2)
GOOD = Verdict(0.4, BEDROOM, {"disagreement": -0.2}, (), 0.5, 800, 200)
BAD = replace(GOOD, harm=180.0)
RAMP = RampState(
    "room-classifier", "7", step=1, weight=1.0, ramp_s=1e5, step_s=1e5, listings_last_day=900
)
LAST = replace(RAMP, step=5, weight=100.0)
PAUSED = replace(RAMP, state=State.PAUSED)


def quiet(begin: time, end: time, days: tuple[int, ...] = ()) -> RampRules:
    hours = QuietHours(why="nobody is there", zone="Europe/Berlin", begin=begin, end=end, days=days)
    return RULES.model_copy(update={"quiet_hours": hours})


def approving(*before: str) -> RampRules:
    approval = RULES.approval.model_copy(update={"before": before})
    return RULES.model_copy(update={"approval": approval})


@pytest.mark.parametrize(
    ("ramp", "verdict", "rules", "kind", "reason"),
    [
        (RAMP, GOOD, RULES, "advance", "five"),
        (LAST, GOOD, RULES, "promote", "promoted"),
        (RAMP, BAD, RULES, "roll_back", "disagreement"),
        (RAMP, replace(GOOD, srm=5000.0), RULES, "alert", "assignment"),
        (replace(RAMP, listings_last_day=5), GOOD, RULES, "alert", "little_traffic"),
        (replace(RAMP, listings_last_day=5, ramp_s=60), GOOD, RULES, "hold", "little_traffic"),
        (RAMP, replace(GOOD, harm=8.0), RULES, "hold", "suspect"),
        (RAMP, replace(GOOD, unproven=(ERRORS,)), RULES, "hold", "unproven"),
        (RAMP, replace(GOOD, answered=4), RULES, "hold", "answered"),
        (replace(RAMP, step_s=60), GOOD, RULES, "wait", "dwell"),
        (RAMP, GOOD, quiet(time(9), time(17)), "wait", "quiet_hours"),
        (RAMP, GOOD, approving("five"), "wait", "approval"),
        (RAMP, GOOD, approving("half"), "advance", "five"),
        (LAST, GOOD, approving("promoted"), "wait", "approval"),
        (replace(RAMP, approved=True), GOOD, approving("five"), "advance", "five"),
        (replace(RAMP, state=State.WAITING, approved=True), GOOD, approving("five"), "advance",
         "five"),
        (PAUSED, GOOD, RULES, "wait", "paused"),
        (replace(RAMP, state=State.FIXED), GOOD, RULES, "wait", "fixed"),
        (replace(RAMP, state=State.PROMOTING), GOOD, RULES, "wait", "promoting"),
        (replace(RAMP, state=State.ROLLED_BACK), BAD, RULES, "wait", "over"),
        (replace(RAMP, weight=30.0), GOOD, RULES, "wait", "by_hand"),
        (replace(RAMP, other_ramp="6"), GOOD, RULES, "wait", "other_ramp"),
        (replace(RAMP, step_s=8 * DAY_S), replace(GOOD, unproven=(ERRORS,)), RULES, "alert",
         "stuck:unproven"),
        (replace(PAUSED, step_s=8 * DAY_S), GOOD, RULES, "wait", "paused"),
    ],
)  # fmt: skip
def test_each_decision_has_its_reason(
    ramp: RampState, verdict: Verdict, rules: RampRules, kind: str, reason: str
) -> None:
    decision = decide(ramp, verdict, rules, NOON)
    assert (decision.kind, decision.reason) == (kind, reason)
    assert decision.step == ramp.step + (kind == "advance")


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED, State.WAITING, State.FIXED])
def test_harm_rolls_back_whatever_else_holds(state: State) -> None:
    everything = replace(
        RAMP, state=state, weight=7.0, listings_last_day=0, other_ramp="6", step_s=0.0
    )
    night = quiet(time(0), time(23, 59), days=(0, 1, 2, 3, 4, 5, 6))
    assert decide(everything, replace(BAD, srm=1e9), night, NOON).kind == "roll_back"


def test_a_rollback_names_metric_group_and_numbers() -> None:
    why = decide(RAMP, BAD, RULES, NOON).why
    assert "disagreement: 90 % of the photos of bedroom" in why
    assert "7 listings" in why
    assert "11 %" in why


def test_holding_says_what_is_not_shown_yet() -> None:
    why = decide(RAMP, replace(GOOD, unproven=(ERRORS, BEDROOM)), RULES, NOON).why
    assert "errors and fallbacks: in 0.2 % more of 210 listings" in why


@given(
    st.floats(0, 99), st.integers(0, 5), st.floats(0, 40 * DAY_S), st.integers(0, 49),
    st.sampled_from(list(State)),
)  # fmt: skip
def test_without_traffic_nothing_is_raised_or_rolled_back(
    harm: float, step: int, age_s: float, listings: int, state: State
) -> None:
    ramp = replace(
        RAMP, step=step, weight=RULES.steps[step].weight, ramp_s=age_s, step_s=age_s,
        listings_last_day=listings, state=state,
    )  # fmt: skip
    decision = decide(ramp, replace(GOOD, harm=harm), RULES, NOON)
    assert decision.kind in {"hold", "wait", "alert"}
    assert decision.step == step


@pytest.mark.parametrize(
    ("begin", "end", "days", "hour_utc", "covered"),
    [
        (time(22), time(7), (), 12, False),
        (time(22), time(7), (), 21, True),
        (time(22), time(7), (), 5, True),
        (time(22), time(7), (), 6, False),
        (time(0), time(0), (), 0, False),
        (time(0), time(0), (2,), 12, True),
        (time(0), time(0), (3,), 12, False),
    ],
)
def test_quiet_hours_are_of_their_zone_and_may_span_midnight(
    begin: time, end: time, days: tuple[int, ...], hour_utc: int, covered: bool
) -> None:
    hours = quiet(begin, end, days).quiet_hours  # in March Berlin is an hour ahead
    assert hours.cover(datetime(2026, 3, 4, hour_utc, 30, tzinfo=UTC)) == covered
