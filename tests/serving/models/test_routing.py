"""Who answers a listing: sticky, monotone in the weight, and the same in any language."""

import hashlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from serving.models.routing import (
    CHALLENGER,
    CHAMPION,
    Arm,
    Route,
    bucket,
    choose,
    is_shadowed,
    routing_key,
)
from serving.models.slots import Mode, Published, route_of

VECTORS = json.loads((Path(__file__).parents[3] / "docs" / "routing_vectors.json").read_text())
KEYS = st.text(min_size=1, max_size=40)
WEIGHTS = st.floats(0, 100)


def test_the_published_vectors_are_what_serving_computes() -> None:
    assert len(VECTORS) >= 20
    for vector in VECTORS:
        found = bucket(vector["salt"], vector["task"], vector["key"])
        assert found == vector["bucket"]
        route = Route(vector["task"], vector["salt"], (Arm(CHALLENGER, vector["weight"]),))
        assert choose(route, vector["key"]) == vector["slot"]


@given(KEYS, KEYS)
def test_the_formula_of_the_docs_is_whole_number_arithmetic(salt: str, key: str) -> None:
    digest = hashlib.sha256(b"\0".join(s.encode() for s in (salt, "t", key))).hexdigest()
    assert bucket(salt, "t", key) == (int(digest[:16], 16) // 2048) / 9007199254740992 * 100


@given(KEYS, KEYS, WEIGHTS, WEIGHTS)
def test_a_raised_weight_moves_no_listing_back(
    salt: str, key: str, one: float, other: float
) -> None:
    lower, higher = sorted((one, other))
    before, after = (
        choose(Route("t", salt, (Arm(CHALLENGER, weight),)), key) for weight in (lower, higher)
    )
    assert (before, after) != (CHALLENGER, CHAMPION)


@given(KEYS, KEYS)
def test_all_and_nothing_are_exact(salt: str, key: str) -> None:
    assert choose(Route("t", salt, (Arm(CHALLENGER, 100.0),)), key) == CHALLENGER
    assert choose(Route("t", salt, (Arm(CHALLENGER, 0.0),)), key) == CHAMPION
    assert choose(Route("t", salt), key) == CHAMPION
    assert is_shadowed(Route("t", salt, shadow=100.0), key)
    assert not is_shadowed(Route("t", salt, shadow=0.0), key)


def test_a_new_salt_begins_with_other_listings_and_shadow_is_independent_of_it() -> None:
    keys = [f"listing-{number}" for number in range(20_000)]
    share = 10.0
    first = {key for key in keys if bucket("a", "t", key) < share}
    second = {key for key in keys if bucket("b", "t", key) < share}
    shadowed = {key for key in keys if is_shadowed(Route("t", "a", shadow=share), key)}
    for ours, theirs in ((first, second), (first, shadowed)):
        assert abs(len(ours & theirs) - 200) < 80  # 10 % of 10 %; six standard deviations


def test_arms_of_an_experiment_share_the_listings_without_overlap() -> None:
    route = Route("t", "spring", (Arm("arm-a", 30.0), Arm("arm-b", 30.0)))
    chosen = [choose(route, f"listing-{number}") for number in range(20_000)]
    for slot, share in (("arm-a", 0.3), ("arm-b", 0.3), (CHAMPION, 0.4)):
        assert abs(chosen.count(slot) / len(chosen) - share) < 0.02


def test_what_is_off_or_stopped_or_in_shadow_answers_nobody() -> None:
    def route(**changed: object) -> Route:
        row = Published("t", CHALLENGER, "7", "", "", Mode.CANARY, 100.0, "7", 100.0)
        row = Published(**(vars(row) | changed))
        return route_of({("t", CHALLENGER): row}, "t")

    assert choose(route(), "any") == CHALLENGER
    assert choose(route(mode=Mode.SHADOW), "any") == CHAMPION
    assert is_shadowed(route(mode=Mode.SHADOW), "any")
    for gone in (route(mode=Mode.OFF), route(stopped="errors")):
        assert choose(gone, "any") == CHAMPION
        assert not is_shadowed(gone, "any")


def test_a_photo_without_a_listing_is_routed_by_its_content() -> None:
    assert routing_key("", "9f") == routing_key(None, "9f") == "sha256:9f"
    assert routing_key("house", "9f") == "house"
