"""From a room type and a seed to a scene."""

from collections.abc import Callable

import numpy as np

from synthetic.catalogue import Catalogue
from synthetic.palette import Palette, choose_palette
from synthetic.rooms.bathroom import furnish_bathroom
from synthetic.rooms.bedroom import furnish_bedroom
from synthetic.rooms.brief import Brief, Furnished
from synthetic.rooms.dining_room import furnish_dining_room
from synthetic.rooms.exterior import furnish_exterior
from synthetic.rooms.kitchen import furnish_kitchen
from synthetic.rooms.living_room import furnish_living_room
from synthetic.rooms.office import furnish_office
from synthetic.rooms.staircase import furnish_staircase
from synthetic.scene import Scene

FURNISHERS: dict[str, Callable[[Brief], Furnished]] = {
    "bathroom": furnish_bathroom,
    "bedroom": furnish_bedroom,
    "dining_room": furnish_dining_room,
    "exterior": furnish_exterior,
    "kitchen": furnish_kitchen,
    "living_room": furnish_living_room,
    "office": furnish_office,
    "staircase": furnish_staircase,
}
ROOM_TYPES = tuple(sorted(FURNISHERS))


def build_scene(
    room_type: str, seed: int, catalogue: Catalogue, palette: Palette | None = None
) -> Scene:
    """Design a room.

    Parameters
    ----------
    room_type : one of ROOM_TYPES
    seed : every seed is another room
    catalogue : the furniture there is; without a model the room is built from boards or goes
        without
    palette : the home's materials; drawn from the seed if not given

    Returns
    -------
    Scene
        The same for the same arguments.

    Raises
    ------
    ValueError
        If the room type is not known.

    Examples
    --------
    >>> scene = build_scene("kitchen", 3, catalogue={})
    >>> sorted({item.category for item in scene.items} & {"oven", "sink", "refrigerator"})
    ['oven', 'refrigerator', 'sink']
    """
    if room_type not in FURNISHERS:
        raise ValueError(f"no room type {room_type!r}; there are {', '.join(ROOM_TYPES)}")
    rng = np.random.default_rng((seed, *room_type.encode()))
    brief = Brief(catalogue, palette or choose_palette(seed), rng)
    furnished = FURNISHERS[room_type](brief)
    return Scene(
        room_type=room_type,
        seed=seed,
        room=furnished.room,
        items=furnished.items,
        camera=furnished.camera,
        sun=furnished.sun,
    )
