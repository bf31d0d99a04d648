import numpy as np
import pytest

from serving.perception.classes import CLASSES
from synthetic.scene import CATEGORIES
from training.segmenter.mapping import ADE32, HIDDEN, groups_of_ade32, of_ade32, of_synthetic


def test_every_class_is_either_known_to_the_teacher_or_hidden_in_its_other() -> None:
    known = {CLASSES[place] for place in of_ade32()}
    assert known | set(HIDDEN) == set(CLASSES)
    assert not known & set(HIDDEN)


def test_groups_of_what_the_teacher_says_are_what_it_says() -> None:
    groups = groups_of_ade32()
    np.testing.assert_array_equal(groups[of_ade32()], of_ade32())
    assert {CLASSES[groups[CLASSES.index(name)]] for name in HIDDEN} == {"other"}


@pytest.mark.parametrize(
    ("category", "ours"),
    [("washbasin", "sink"), ("hob", "stove"), ("stool", "chair"), ("wall", "wall")],
)
def test_rendered_rooms_are_said_in_our_words(category: str, ours: str) -> None:
    place = CATEGORIES.index(category)
    assert CLASSES[of_synthetic(CATEGORIES)[place]] == ours


def test_the_teacher_numbers_thirty_two_classes() -> None:
    assert len(set(ADE32)) == 32
    assert [CLASSES[of_ade32()[ADE32.index(n)]] for n in ("sea", "house")] == ["water", "building"]
