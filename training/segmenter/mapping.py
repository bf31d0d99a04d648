"""What others call what a pixel shows, in the words of `serving.perception.classes`.

A teacher knows fewer classes than we do: what it calls `other` holds our sinks and stairs. Its
answer is therefore about *groups* of our classes, and says nothing of how one is divided.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from serving.perception.classes import CLASSES, Class

# ADE20K in 32 classes, as MLPerf Mobile's networks number them.
ADE32 = (
    "other", "wall", "building", "sky", "floor", "tree", "ceiling", "road", "bed", "windowpane",
    "grass", "cabinet", "sidewalk", "person", "earth", "door", "table", "mountain", "plant",
    "curtain", "chair", "car", "water", "painting", "sofa", "shelf", "house", "sea", "mirror",
    "rug", "field", "armchair",
)  # fmt: skip
_OF_ADE32: Mapping[str, Class] = {
    "windowpane": "window", "house": "building", "sidewalk": "road", "field": "grass",
    "earth": "ground", "mountain": "ground", "painting": "picture", "sea": "water",
}  # fmt: skip
# What ADE32 has no class for, and so calls `other`.
HIDDEN: tuple[Class, ...] = (
    "sink", "bath", "toilet", "stove", "refrigerator", "lamp", "stairs", "pool",
)  # fmt: skip

# The words of ADE20K's annotations of interiors, before the first comma.
_OF_ANNOTATIONS: Mapping[str, Class] = {
    "windowpane": "window", "painting": "picture", "bathtub": "bath", "work surface": "cabinet",
    "chandelier": "lamp", "light": "lamp", "sconce": "lamp", "fluorescent": "lamp",
    "spotlight": "lamp", "desk": "table", "coffee table": "table", "wardrobe": "cabinet",
    "chest of drawers": "cabinet", "swivel chair": "chair", "stool": "chair", "oven": "stove",
    "blind": "curtain", "countertop": "cabinet", "dishwasher": "cabinet",
}  # fmt: skip

# `synthetic.scene.CATEGORIES` → ours; those that are not here are `other`.
_OF_SYNTHETIC: Mapping[str, Class] = {
    "counter": "cabinet", "oven": "stove", "hob": "stove", "washbasin": "sink", "bathtub": "bath",
    "shower": "bath", "stool": "chair", "desk": "table", "bedside_table": "table",
    "wardrobe": "cabinet", "house": "building", "roof": "building",
    "ground": "grass",
}  # fmt: skip


def to_class(name: str, named: Mapping[str, Class]) -> Class:
    """Return our class of a name; `other` if we have none.

    Examples
    --------
    >>> to_class("floor", {}), to_class("yacht", {}), to_class("house", {"house": "building"})
    ('floor', 'other', 'building')
    """
    own: Class = next((one for one in CLASSES if one == name), "other")
    return named.get(name, own)


def class_ids(names: Sequence[str], named: Mapping[str, Class]) -> NDArray[np.uint8]:
    """Return our ids of others' names, uint8 (names,): a table to look their ids up in."""
    return np.array([CLASSES.index(to_class(name, named)) for name in names], np.uint8)


def of_ade32() -> NDArray[np.uint8]:
    """Return our id of each class of ADE32, uint8 (32,)."""
    return class_ids(ADE32, _OF_ADE32)


def of_annotations(names: Sequence[str]) -> NDArray[np.uint8]:
    """Return our ids of the names of ADE20K's annotations, such as `windowpane, window`."""
    return class_ids([name.partition(",")[0] for name in names], _OF_ANNOTATIONS)


def of_synthetic(categories: Sequence[str]) -> NDArray[np.uint8]:
    """Return our ids of the categories of synthetic rooms."""
    return class_ids(categories, _OF_SYNTHETIC)


def groups_of_ade32() -> NDArray[np.uint8]:
    """Return the group of each of our classes that a teacher's answer is about, uint8 (classes,).

    The group of a class is the class itself, and `other` for what the teacher does not know.

    Examples
    --------
    >>> groups = groups_of_ade32()
    >>> CLASSES[groups[CLASSES.index("toilet")]], CLASSES[groups[CLASSES.index("bed")]]
    ('other', 'bed')
    """
    groups = np.arange(len(CLASSES), dtype=np.uint8)
    groups[[CLASSES.index(name) for name in HIDDEN]] = CLASSES.index("other")
    return groups
