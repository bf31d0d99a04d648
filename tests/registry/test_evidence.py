import json
import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.bets import Stream
from registry.evidence import Evidence, Finding, fold, fold_all, judge, start
from registry.ramp.rules import read_rules
from registry.ramp.sentences import explain
from registry.records import SIDES
from tests.registry.older import rules_without_certainty

RULES = read_rules("no-such-task")
ROOMS = ("bath", "bed", "kitchen")
FORECAST = {
    "groups": {
        "*": {"n": 900, "disagree": 0.04, "disagree_high": 0.05, "distance": 0.02,
              "distance_high": 0.03},
        "bath": {"n": 90, "disagree": 0.04, "disagree_high": 0.1, "distance": 0.02,
                 "distance_high": 0.05},
    }
}  # fmt: skip
QUIET = start(RULES, FORECAST)


def listing(
    challenger: Sequence[str] = (), champion: Sequence[str] = (), **groups: tuple[int, int, float]
) -> dict[str, Any]:
    counts = {
        name: {"n": n, "disagree": disagree, "distance": distance}
        for name, (n, disagree, distance) in (groups or {"bed": (12, 0, 0.0)}).items()
    }
    bad = {"challenger_bad": list(challenger), "champion_bad": list(champion)}
    return {"kind": "listing", "slots": "pair", **bad, "groups": counts}


def shifted(mean: float, **changes: object) -> dict[str, Any]:
    """Return a listing of two rooms whose photos are so much surer on average."""
    groups = {
        name: {"n": 6, "disagree": 0, "distance": 0.0, "shift": 6 * (mean + apart)}
        for name, apart in (("bath", 0.02), ("bed", -0.02))
    }
    return listing() | {"groups": groups} | changes


def e_of(evidence: Evidence, name: str) -> float:
    return evidence.streams[name].e_harm


failures = st.lists(st.sampled_from(["error", "fallback", "slow"]), max_size=2)
counts = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.floats(0, n))
)
listing_records = st.builds(listing, failures, failures, bath=counts, bed=counts, new=counts)
shares = st.floats(0, 1)
other_records = st.one_of(
    st.builds(
        lambda s, c: {"kind": "exposure", "challenger": c, "share": s}, shares, st.booleans()
    ),
    st.builds(
        lambda s, c: {"kind": "bad", "event": "override", "challenger": c, "share": s},
        shares, st.booleans(),
    ),
    st.builds(
        lambda s, right: {"kind": "override", "challenger_right": right, "share": s},
        shares, st.booleans(),
    ),
    st.builds(lambda step: {"kind": "step", "step": step}, st.integers(0, 5)),
)  # fmt: skip
records = st.lists(st.one_of(listing_records, other_records), max_size=12)


@given(
    st.floats(0.01, 0.95),
    st.floats(0, 1),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (-0.1, 0.1)]),
    st.integers(1, 8),
)
def test_nobody_can_expect_to_win_a_bet_against_what_is_true(
    place: float, below: float, ends: tuple[float, float], steps: int
) -> None:
    """All sequences of two outcomes, by brute force: the e-value's mean is at most 1."""
    lowest, highest = ends
    ceiling = lowest + (highest - lowest) * place
    mean = lowest + (ceiling - lowest) * below
    chance = (mean - lowest) / (highest - lowest)
    expected = 0.0
    for outcomes in product((True, False), repeat=steps):
        stream = Stream(ceiling, lowest=lowest, highest=highest)
        for high in outcomes:
            stream = stream.after(highest if high else lowest)
        wins = sum(outcomes)
        expected += chance**wins * (1 - chance) ** (steps - wins) * stream.e_harm
    assert expected <= 1 + 1e-9
    if below == 1:
        assert expected == pytest.approx(1)


@given(st.floats(0.01, 0.95), st.floats(0, 1), st.integers(1, 6))
def test_nor_one_that_a_bad_version_is_good(ceiling: float, above: float, steps: int) -> None:
    chance, expected = ceiling + (1 - ceiling) * above, 0.0
    for outcomes in product((True, False), repeat=steps):
        stream = Stream(ceiling)
        for high in outcomes:
            stream = stream.after(float(high))
        wins = sum(outcomes)
        expected += chance**wins * (1 - chance) ** (steps - wins) * stream.e_safe
    assert expected <= 1 + 1e-9


def test_all_metrics_together_cannot_expect_to_win_either() -> None:
    """The harm of whole records at the ceilings, over all sequences of three listings."""
    ceiling = QUIET.streams["disagreement/*"].ceiling
    room = QUIET.streams["disagreement/bath"].ceiling
    chance = min(ceiling, room)  # a listing of one photo is wholly wrong or wholly right
    far = QUIET.streams["distance/*"].ceiling
    outcomes = [
        (chance * 0.01, listing(["error"], bath=(1, 1, far))),
        (chance * 0.99, listing(bath=(1, 1, far))),
        ((1 - chance) * 0.01, listing(["fallback"], bath=(1, 0, far))),
        ((1 - chance) * 0.99, listing(bath=(1, 0, far))),
    ]
    expected = sum(
        math.prod(chance for chance, _ in three)
        * judge(fold_all(QUIET, [record for _, record in three], RULES), RULES).harm
        for three in product(outcomes, repeat=3)
    )
    assert expected <= 1 + 1e-9


@given(st.floats(0.01, 0.99), st.floats(0.01, 1.2))
def test_whose_an_override_is_says_nothing_of_an_equal_version(share: float, ratio: float) -> None:
    """Given that a listing is overridden it is the version's with the share's odds, or less."""
    ours = share * ratio / (share * ratio + 1 - share)
    expected = 0.0
    for challenger, chance in ((True, ours), (False, 1 - ours)):
        record = {"kind": "bad", "event": "override", "challenger": challenger, "share": share}
        expected += chance * e_of(fold(QUIET, record, RULES), "override/*")
    assert expected <= 1 + 1e-9


@settings(max_examples=50)
@given(records, st.integers(0, 12))
def test_evidence_is_the_same_in_parts_and_through_json(
    given_records: list[dict[str, Any]], cut: int
) -> None:
    at_once = fold_all(QUIET, given_records, RULES)
    kept = json.loads(json.dumps(fold_all(QUIET, given_records[:cut], RULES).as_json()))
    in_parts = Evidence.from_json(kept)
    for record in given_records[cut:]:
        in_parts = fold(in_parts, record, RULES)
    assert json.dumps(in_parts.as_json()) == json.dumps(at_once.as_json())
    assert judge(in_parts, RULES) == judge(at_once, RULES)


@settings(max_examples=50)
@given(st.lists(listing_records, max_size=6), st.lists(other_records, max_size=6))
def test_listings_and_events_may_be_counted_in_either_order(
    some: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    """They are read from different tables."""
    one, other = (fold_all(QUIET, records, RULES) for records in (some + others, others + some))
    assert one.as_json() == other.as_json()


@settings(max_examples=50)
@given(records)
def test_the_stake_is_never_more_than_one(given_records: list[dict[str, Any]]) -> None:
    """Groups that nobody foresaw get what is left, however many come."""
    one_room = {"n": 1, "disagree": 0, "distance": 0.0}
    many = [{**listing(), "groups": {f"room {i}": one_room}} for i in range(60)]
    for first in (QUIET, start(RULES, None)):
        evidence = fold_all(first, [*given_records, *many], RULES)
        assert sum(stream.weight for stream in evidence.streams.values()) <= 1 + 1e-9
        assert all(stream.weight >= 0 for stream in evidence.streams.values())


@pytest.mark.parametrize(
    ("record", "metric", "group", "within"),
    [
        (listing(["error"]), "error", "*", 15),
        (listing(["fallback"]), "error", "*", 15),
        (listing(["slow"]), "slow", "*", 20),
        (listing(bath=(1, 1, 0.1), bed=(11, 0, 0.0)), "disagreement", "bath", 10),
        (listing(new=(1, 1, 0.1), bed=(11, 0, 0.0)), "disagreement", "new", 16),
        (listing(bed=(12, 0, 12 * 0.15)), "distance", "*", 20),
        (listing(bed=(12, 0, math.nan)), "distance", "*", 20),
        (listing(bath=(4, 1, 0.1), bed=(4, 1, 0.1), kitchen=(4, 1, 0.1)), "disagreement", "*", 40),
        ({"kind": "override", "challenger_right": False, "share": 0.25}, "discordant", "*", 20),
        ({"kind": "bad", "event": "override", "challenger": True, "share": 0.05},
         "override", "*", 8),
    ],
)  # fmt: skip
def test_a_defect_is_found_and_named(
    record: dict[str, Any], metric: str, group: str, within: int
) -> None:
    verdict = judge(fold_all(QUIET, [record] * within, RULES), RULES)
    assert verdict.harm >= 100
    assert (verdict.worst.metric, verdict.worst.group) == (metric, group)
    assert verdict.log10[metric] == verdict.worst.log10


@pytest.mark.parametrize(
    ("record", "within"),
    [
        (listing(["error"]), 40),
        (listing(["slow"]), 60),
        (listing(bath=(1, 1, 0.9), bed=(11, 0, 0.0)), 40),
        (listing(bath=(6, 1, 0.9), bed=(6, 1, 0.9)), 150),
        (listing(bed=(12, 0, 12 * 0.2)), 40),
    ],
)
def test_what_goes_wrong_after_long_is_found_soon_too(record: dict[str, Any], within: int) -> None:
    """Thousands of good listings do not shield a version that, for one, leaks memory."""
    sound = fold_all(QUIET, [listing(bath=(6, 0, 0.0), bed=(6, 0, 0.0))] * 5000, RULES)
    assert judge(sound, RULES).harm < 1
    assert judge(fold_all(sound, [record] * within, RULES), RULES).harm >= 100


def test_what_the_champion_does_too_is_no_evidence() -> None:
    both = listing(["error", "slow"], ["fallback", "slow"])
    verdict = judge(fold_all(QUIET, [both] * 1000, RULES), RULES)
    assert verdict.harm < 1
    assert not any(finding.metric in {"error", "slow"} for finding in verdict.unproven)


def test_swapped_versions_get_the_mirrored_verdict() -> None:
    ours, champions = listing(["error"], bed=(12, 0, 0.0)), listing((), ["error"], bed=(12, 0, 0.0))
    bad, good = (judge(fold_all(QUIET, [one] * 60, RULES), RULES) for one in (ours, champions))
    assert bad.harm > 100
    assert "error" in {finding.metric for finding in bad.unproven}
    assert good.harm < 1
    assert "error" not in {finding.metric for finding in good.unproven}


def test_a_forecast_lets_a_better_version_differ() -> None:
    groups = {"*": {"disagree_high": 0.2, "distance_high": 0.2}, "bed": {
        "disagree_high": 0.2, "distance_high": 0.2}}  # fmt: skip
    differs = [listing(bed=(12, 2, 2 * 0.8))] * 600
    foreseen = judge(fold_all(start(RULES, {"groups": groups}), differs, RULES), RULES)
    assert foreseen.harm < 5
    assert foreseen.non_inferior
    assert judge(fold_all(start(RULES, None), differs, RULES), RULES).harm > 100


@pytest.mark.parametrize("forecast", [None, {}, {"groups": {}}, {"groups": {"*": {}}}])
def test_without_a_forecast_the_rules_have_ceilings(forecast: dict[str, Any] | None) -> None:
    evidence = fold(start(RULES, forecast), listing(), RULES)
    assert evidence.streams["disagreement/*"].ceiling == RULES.disagreement.unforeseen
    assert evidence.streams["distance/bed"].ceiling == RULES.distance.group_unforeseen


@pytest.mark.parametrize(
    ("forecast", "group", "foreseen"),
    [
        (FORECAST, "bath", True),
        (FORECAST, "attic", False),
        (None, "attic", False),
        ({"groups": {"bath": {"disagree_high": math.inf}}}, "bath", False),
    ],
)
def test_a_ceiling_is_said_to_be_of_the_forecast_only_where_one_was_made(
    forecast: dict[str, Any] | None, group: str, foreseen: bool
) -> None:
    counts = {group: {"n": 12, "disagree": 12, "distance": 0.0}}
    differs = [listing() | {"groups": counts}] * 40
    kept = Evidence.from_json(start(RULES, forecast).as_json())
    evidence = fold_all(kept, differs, RULES)
    stream = evidence.streams[f"disagreement/{group}"]
    said = explain(Finding.of(f"disagreement/{group}", stream, stream.e_harm))
    told = "is allowed by the forecast" if foreseen else "is allowed where no forecast was made"
    assert said.endswith(told)


def test_nothing_is_shown_without_listings_and_all_of_it_by_enough() -> None:
    assert {finding.metric for finding in judge(QUIET, RULES).unproven} == {
        "error", "slow", "disagreement", "distance",
    }  # fmt: skip
    verdict = judge(fold_all(QUIET, [listing()] * 600, RULES), RULES)
    assert verdict.non_inferior
    assert verdict.listings == 600


def test_where_only_the_version_answers_only_its_mistakes_are_corrected() -> None:
    corrected = {"kind": "override", "challenger_right": False, "share": 1.0}
    of_it = {"kind": "bad", "event": "override", "challenger": True, "share": 1.0}
    assert judge(fold_all(QUIET, [corrected, of_it] * 500, RULES), RULES).harm == pytest.approx(1)


def test_lost_assignments_are_noticed_and_moved_listings_are_none() -> None:
    kept = [{"kind": "exposure", "challenger": i % 2 == 0, "share": 0.5} for i in range(400)]
    lost = [record for i, record in enumerate(kept) if i % 4]
    moved = [{"kind": "exposure", "challenger": True, "share": 0.25, "moved": True}] * 400
    assert judge(fold_all(QUIET, kept + moved, RULES), RULES).srm < 1
    assert judge(fold_all(QUIET, lost, RULES), RULES).srm > 1000


def test_evidence_is_carried_over_steps_and_answers_are_counted_anew() -> None:
    answered = [{"kind": "exposure", "challenger": True, "share": 0.5}] * 3
    before = fold_all(QUIET, [listing(["error"])] * 5 + answered, RULES)
    after = fold(before, {"kind": "step", "step": 2}, RULES)
    assert (before.step_answered, after.step_answered, after.answered) == (3, 0, 3)
    assert after.streams == before.streams


def test_extreme_evidence_is_a_number() -> None:
    evidence = fold_all(QUIET, [listing(["error"], new=(1, 1, 1.0))] * 3000, RULES)
    verdict = judge(Evidence.from_json(json.loads(json.dumps(evidence.as_json()))), RULES)
    assert 100 < verdict.harm < math.inf


@pytest.mark.parametrize(
    ("mean", "side", "within"),
    [(0.027, "surer", 160), (-0.027, "less sure", 160), (0.1, "surer", 30), (-0.9, "less sure", 30),
     (math.nan, "surer", 30)],
)  # fmt: skip
def test_a_version_that_is_surer_or_less_sure_everywhere_is_found(
    mean: float, side: str, within: int
) -> None:
    verdict = judge(fold_all(QUIET, [shifted(mean)] * within, RULES), RULES)
    assert verdict.harm >= 100
    assert (verdict.worst.metric, verdict.worst.group) == ("certainty", side)
    assert verdict.log10["certainty"] == verdict.worst.log10


def test_a_sound_version_is_hardly_ever_rolled_back_however_often_one_looks() -> None:
    """Its listings are as often surer as less sure: three times as far as real ones were seen."""
    random, taken_back = np.random.default_rng(0), 0
    for tail in (0.03, 0.06):
        for _ in range(150):
            sides = {name: QUIET.streams[name] for name in SIDES}
            for shift in tail * random.standard_t(4, 400):
                sides = {name: one.after(SIDES[name] * shift) for name, one in sides.items()}
                gains = sum(one.weight * (one.e_harm - 1) for one in sides.values())
                if 1 + gains >= 100:
                    taken_back += 1
                    break
    assert taken_back <= 3


def test_versions_in_each_others_place_are_found_at_the_same_listing() -> None:
    surer, less_sure = (fold_all(QUIET, [shifted(x)] * 90, RULES) for x in (0.05, -0.05))
    assert judge(surer, RULES).harm == pytest.approx(judge(less_sure, RULES).harm)


def test_what_the_forecast_says_of_certainty_is_no_evidence() -> None:
    groups = {"*": {"shift": 0.03, "shift_low": 0.02, "shift_high": 0.04}}
    evidence = start(RULES, {"groups": groups})
    surer, less_sure = (evidence.streams[name] for name in SIDES)
    plus = RULES.certainty.plus if RULES.certainty else 0.0
    assert surer.ceiling == pytest.approx(0.04 + plus)
    assert less_sure.ceiling == plus
    assert surer.foreseen
    assert judge(fold_all(evidence, [shifted(0.045)] * 400, RULES), RULES).harm < 1
    assert judge(fold_all(QUIET, [shifted(0.045)] * 400, RULES), RULES).harm > 100
    assert not QUIET.streams["certainty/surer"].foreseen


def test_records_from_before_certainty_was_kept_say_nothing_of_it() -> None:
    part = {"n": 1, "disagree": 0, "distance": 0.0}
    some = shifted(0.9)
    for record in (listing(), some | {"groups": {**some["groups"], "old": part}}):
        evidence = fold_all(QUIET, [record] * 50, RULES)
        assert all(evidence.streams[name] == QUIET.streams[name] for name in SIDES)


def test_a_ramp_that_began_before_certainty_was_watched_goes_on_as_it_began() -> None:
    """Its rules have none, and its evidence was kept without the ends of observations."""
    old = rules_without_certainty()
    kept = json.loads(json.dumps(start(old, FORECAST).as_json()))
    for stream in kept["streams"].values():
        del stream["highest"]
    before = Evidence.from_json(kept)
    known, unknown = (fold_all(before, [one] * 60, old) for one in (shifted(0.5), listing()))
    assert "certainty" not in judge(known, old).log10
    assert {name for name in known.streams if name.startswith("certainty")} == set()
    assert known.streams["error/*"] == unknown.streams["error/*"]
    # where its rules cannot be read any more, today's are taken
    assert judge(fold_all(before, [shifted(0.5)] * 60, RULES), RULES).harm < 1


def test_the_sentence_says_how_much_surer() -> None:
    stream = fold_all(QUIET, [shifted(0.027)] * 120, RULES).streams["certainty/surer"]
    assert explain(Finding.of("certainty/surer", stream, stream.e_harm)) == (
        "certainty: 2.7 % surer than the champion on average (120 listings), 1.5 % is allowed where"
        " no forecast was made"
    )
