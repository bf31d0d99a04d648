"""By what each tag is told: a table. A new tag is a row here, and nothing else.

A tag has clues, each of which may be enough; a clue is one quantity or several that must all be
there. A quantity counts nothing up to `low`, fully from `high`, and in proportion between (where
`low` is above `high`, less is more). `trust` is how far the clue is believed when it counts fully.
Limits and trusts were set on photos that decision 45 names.

A quantity of a label that no published model knows is not there: a tag all of whose clues need such
a label is unavailable, and becomes available on the day that a model with the label is published.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["room", "share", "thing", "measure", "text"]
SOURCES: dict[Kind, str] = {
    "room": "room-classifier",
    "share": "segmenter",
    "thing": "detector",
    "measure": "segmenter",
    "text": "text-detector",
}
_MEASURED_OTHERWISE = {"wall_height_m": "depth"}
PRESENT_FROM = 0.5


@dataclass(frozen=True)
class Quantity:
    """Something that a model said, or that was measured.

    Attributes
    ----------
    kind : `room`: summed probability of kinds of rooms. `share`: of the photo that classes of the
        segmenter cover. `thing`: confidence of the surest thing with such a label. `measure`: of
        `serving.photos.tags.measures`. `text`: confidence of the surest line of writing
    names : of rooms, classes or labels; the one measure
    nth : of things: the confidence of the second, third … that there is
    """

    kind: Kind
    names: tuple[str, ...]
    low: float
    high: float
    nth: int = 1

    @property
    def source(self) -> str:
        """Return the task whose model tells it."""
        return _MEASURED_OTHERWISE.get(self.names[0], SOURCES[self.kind])

    def strength(self, value: float) -> float:
        """Return how much a value counts, 0..1.

        Examples
        --------
        >>> rising = Quantity("share", ("pool",), 0.02, 0.06)
        >>> [round(rising.strength(share), 2) for share in (0.0, 0.03, 0.5)]
        [0.0, 0.25, 1.0]
        >>> Quantity("share", ("sofa",), 0.06, 0.02).strength(0.0)
        1.0
        """
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True)
class Clue:
    """Quantities that are all needed, and how far to believe them, 0..1."""

    all_of: tuple[Quantity, ...]
    trust: float = 0.9


@dataclass(frozen=True)
class Rule:
    """A tag and what it is told by."""

    tag: str
    any_of: tuple[Clue, ...]


def _room(*names: str, low: float = 0.3, high: float = 0.8) -> Quantity:
    return Quantity("room", names, low, high)


def _share(*names: str, low: float, high: float) -> Quantity:
    return Quantity("share", names, low, high)


def _thing(*names: str, low: float = 0.3, high: float = 0.65, nth: int = 1) -> Quantity:
    return Quantity("thing", names, low, high, nth)


def _measure(name: str, low: float, high: float) -> Quantity:
    return Quantity("measure", (name,), low, high)


def _rule(tag: str, *clues: Clue | Quantity) -> Rule:
    return Rule(tag, tuple(c if isinstance(c, Clue) else Clue((c,)) for c in clues))


_LIVED_IN = ("bedroom", "living_room", "dining_room", "office")
_INDOORS = (*_LIVED_IN, "bathroom", "kitchen", "entrance_hall", "hallway", "staircase")
_INSIDE = _room(*_INDOORS, low=0.4, high=0.7)
_OUTSIDE = _room("exterior", "yard", "pool", "driveway", low=0.4, high=0.7)
_NOT_WET = _room(*(room for room in _INDOORS if room != "bathroom"), low=0.4, high=0.7)
_MOVABLE = ("bed", "sofa", "chair", "armchair", "table")

RULES: tuple[Rule, ...] = (
    # outdoors
    _rule("pool", _room("pool"), _share("pool", low=0.02, high=0.06)),
    _rule(
        "garden",
        Clue((_OUTSIDE, _share("grass", "plant", low=0.03, high=0.12))),
        Clue((_share("grass", low=0.2, high=0.35),), 0.8),
    ),
    _rule(
        "driveway",
        _room("driveway", low=0.2, high=0.6),
        Clue((_OUTSIDE, _share("road", low=0.05, high=0.2)), 0.8),
    ),
    _rule("garage", _room("garage"), _thing("garage door")),
    _rule("balcony", _room("balcony", "terrace"), _thing("balcony")),
    _rule("view", _room("view")),
    _rule(
        "car",
        Clue((_OUTSIDE, _thing("car", "truck"))),
        Clue((_OUTSIDE, _share("car", low=0.02, high=0.05)), 0.7),
    ),
    # rooms
    _rule("stairs", _room("staircase", low=0.35, high=0.75), _share("stairs", low=0.01, high=0.04)),
    _rule("fireplace", _thing("fireplace")),
    _rule("kitchen_island", _thing("kitchen island")),
    _rule("double_sink", Clue((_thing("sink", low=0.3, high=0.5, nth=2),), 0.8)),
    _rule("bathtub", _thing("bath"), _share("bath", low=0.02, high=0.06)),
    _rule("mirror", Clue((_INSIDE, _share("mirror", low=0.02, high=0.06)))),
    _rule("tv", Clue((_INSIDE, _thing("tv", low=0.35, high=0.6)))),
    _rule("rug", Clue((_INSIDE, _share("rug", low=0.02, high=0.06)))),
    # floors: no colour or texture tells them apart, see decision 45
    _rule("hardwood_floor", _share("hardwood floor", low=0.03, high=0.08)),
    _rule("carpet", _share("carpet", low=0.03, high=0.08)),
    _rule("tiles", _share("tiles", low=0.03, high=0.08)),
    # light and space
    _rule(
        "large_windows",
        Clue((_NOT_WET, _share("window", low=0.04, high=0.12)), 0.85),
        Clue((_NOT_WET, _measure("largest_window", 0.1, 0.25)), 0.8),
    ),
    _rule(
        "natural_light",
        Clue(
            (
                _INSIDE,
                _share("window", low=0.01, high=0.04),
                _measure("window_light", 0.5, 0.7),
                _measure("room_light", 0.3, 0.5),
            ),
            0.85,
        ),
    ),
    _rule("high_ceiling", _measure("wall_height_m", 2.6, 3.2)),
    # state
    _rule("furnished", Clue((_INSIDE, _share(*_MOVABLE, low=0.05, high=0.15)))),
    _rule(
        "empty",
        Clue(
            (
                _room(*_LIVED_IN, low=0.4, high=0.7),
                _share(*_MOVABLE, low=0.05, high=0.015),
                _share("floor", low=0.05, high=0.15),
                _share("wall", "ceiling", low=0.2, high=0.4),
            ),
            0.8,
        ),
    ),
    _rule("clutter", _thing("clutter")),
    _rule(
        "people",
        Clue((_thing("person", low=0.35, high=0.6),), 0.95),
        Clue((_share("person", low=0.02, high=0.08),), 0.7),
    ),
    _rule("pets", _thing("dog", "cat", low=0.35, high=0.65)),
    _rule("text_or_watermark", Quantity("text", ("text",), 0.5, 0.8)),
)
TAGS = tuple(rule.tag for rule in RULES)
