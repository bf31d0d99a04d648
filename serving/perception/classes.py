"""What a pixel of a photo may show: the classes of the task `segmenter`, in order of their ids."""

from typing import Literal, get_args

Class = Literal[
    "other", "wall", "floor", "ceiling", "window", "door", "curtain", "mirror", "cabinet", "sink",
    "bath", "toilet", "stove", "refrigerator", "bed", "sofa", "chair", "armchair", "table", "shelf",
    "lamp", "rug", "plant", "picture", "stairs", "sky", "grass", "tree", "water", "pool",
    "building", "road", "ground", "car", "person",
]  # fmt: skip
CLASSES: tuple[Class, ...] = get_args(Class)
FURNITURE: frozenset[Class] = frozenset(
    ("bed", "sofa", "chair", "armchair", "table", "shelf", "cabinet")
)
OUTDOORS: frozenset[Class] = frozenset(
    ("sky", "grass", "tree", "water", "pool", "building", "road", "ground", "car")
)
