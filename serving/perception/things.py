"""Which things of a listing's photos are looked for: labels that the task `detector` may answer."""

from typing import Literal, get_args

Thing = Literal[
    "bed", "sofa", "chair", "table", "tv", "sink", "toilet", "bath", "oven", "refrigerator",
    "microwave", "plant", "window", "fireplace", "bench", "car", "truck", "bicycle", "person",
    "dog", "cat",
]  # fmt: skip
THINGS: tuple[Thing, ...] = get_args(Thing)
