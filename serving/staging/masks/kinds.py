"""Which classes can be carried out of a room, and which belong to the building."""

from serving.perception.classes import OUTDOORS, Class

_ALWAYS: frozenset[Class] = frozenset(
    ("bed", "sofa", "chair", "armchair", "table", "lamp", "rug", "plant", "shelf")
)
# rooms whose cabinets are part of them: nothing is cleared there for furniture
FITTED = frozenset(("kitchen", "bathroom"))
PROTECTED: frozenset[Class] = OUTDOORS | frozenset(
    ("window", "door", "curtain", "mirror", "picture", "stairs", "person",
     "sink", "bath", "toilet", "stove", "refrigerator")
)  # fmt: skip


def movable_in(room_type: str) -> frozenset[Class]:
    """Return the classes that are furniture in a type of room.

    Examples
    --------
    >>> "cabinet" in movable_in("bedroom"), "cabinet" in movable_in("kitchen")
    (True, False)
    """
    if room_type in FITTED:
        return _ALWAYS - {"shelf"}
    return _ALWAYS | {"cabinet"}
