from pathlib import Path

import pytest

from serving.card import Classes
from serving.models.comparison import Comparison
from tests.fakes import colour_card, colour_model
from tests.training.colours import make_photos
from training.candidate import Candidate
from training.loop.forecast import Pair, forecast, foresee
from training.room_classifier.recipe import ROOMS


def pair(listing: int, agrees: bool, group: str = "kitchen") -> Pair:
    return Pair(str(listing), Comparison(group, agrees, 0.0 if agrees else 0.5))


def test_two_labels_that_changed_places_are_foreseen_and_the_third_is_not(tmp_path: Path) -> None:
    card = colour_card()
    one, two, three = card.output_as(Classes).labels
    champion = Candidate(colour_model(), card, 1.0)
    swapped = card.output_as(Classes).model_copy(update={"labels": (two, one, three)})
    candidate = Candidate(colour_model(), card.model_copy(update={"output": swapped}), 1.0)
    rows = make_photos(tmp_path, 60)
    rows = rows.assign(listing=rows["sha256"])
    found = forecast(ROOMS, candidate, champion, rows)
    assert found["champion"] == champion.sha256
    groups = found["groups"]
    assert [groups[label.name]["disagree"] for label in (one, two, three)] == [1, 1, 0]
    assert groups["*"]["n"] == 60
    assert groups["*"]["disagree"] == pytest.approx(2 / 3)
    assert 2 / 3 < groups["*"]["disagree_high"] <= 1
    assert groups[one.name]["distance"] > 0.3 > groups[three.name]["distance_high"]
    same = forecast(ROOMS, champion, champion, rows)["groups"]["*"]
    assert (same["disagree"], same["distance"]) == (0, 0)
    assert (same["shift"], same["shift_low"], same["shift_high"]) == (0, 0, 0)


def test_a_candidate_that_breaks_disagrees_as_much_as_can_be(tmp_path: Path) -> None:
    champion = Candidate(colour_model(), colour_card(), 1.0)
    # it takes photos of another size than its card says, and fails on each
    broken = Candidate(colour_model(side=48), colour_card(), 1.0)
    rows = make_photos(tmp_path, 12).assign(listing="one house")
    found = forecast(ROOMS, broken, champion, rows)["groups"]["*"]
    assert (found["disagree"], found["distance"]) == (1, 1)


def test_photos_of_one_listing_go_together_and_few_agreements_prove_little() -> None:
    apart = foresee([pair(number, number % 10 > 0) for number in range(200)])["*"]
    together = foresee([pair(number // 20, number // 20 > 0) for number in range(200)])["*"]
    assert apart.disagree == together.disagree == pytest.approx(0.1)
    assert together.disagree_high > apart.disagree_high + 0.05
    agreed = foresee([pair(number, True) for number in range(20)])["kitchen"]
    assert agreed.disagree == 0
    assert agreed.disagree_high > 0.1


def test_nothing_is_foreseen_of_a_group_with_few_photos() -> None:
    pairs = [pair(number, True) for number in range(20)] + [pair(99, False, "attic")] * 9
    assert set(foresee(pairs)) == {"kitchen", "*"}


def test_how_much_surer_has_both_ends_and_wider_ones_where_a_listing_goes_together() -> None:
    shifts = [0.05 if number % 4 else -0.05 for number in range(200)]
    one, other = (
        foresee(
            [
                Pair(str(number % listings), Comparison("hall", True, 0.05, shift))
                for number, shift in enumerate(shifts)
            ]
        )["*"]
        for listings in (200, 4)
    )
    assert one.shift == other.shift == pytest.approx(0.025)
    assert other.shift_low < one.shift_low < 0.025 < one.shift_high < other.shift_high
    assert one.shift_high - one.shift_low == pytest.approx(2 * 1.96 * 0.0433 / 200**0.5, rel=0.1)
