"""Where things may stand: against walls, on each other, and never in each other."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthetic.scene import Camera, Item, Room, Scene, Side, rotate
from synthetic.shell import wall_pose

Footprint = NDArray[np.float64]

# What may touch: two pieces side by side, a lamp on its table.
SLACK_M = 0.004
CAMERA_ROOM_M = 0.45
DOOR_ROOM_M = 0.75


def footprint(item: Item) -> Footprint:
    """Return the corners (x, z) of the rectangle an item covers, shape (4, 2)."""
    half_w, half_d = item.size[0] / 2, item.size[2] / 2
    corners = ((-half_w, -half_d), (half_w, -half_d), (half_w, half_d), (-half_w, half_d))
    x, _, z = item.position
    turned = (rotate(item.yaw_deg, a, b) for a, b in corners)
    return np.array([(x + a, z + b) for a, b in turned])


def rectangles_overlap(a: Footprint, b: Footprint, slack_m: float = SLACK_M) -> bool:
    """Tell whether two rectangles share more than `slack_m` (separating axes)."""
    for one in (a, b):
        for edge in (one[1] - one[0], one[2] - one[1]):
            axis = edge / max(float(np.linalg.norm(edge)), 1e-9)
            p, q = a @ axis, b @ axis
            if min(p.max(), q.max()) - max(p.min(), q.min()) <= slack_m:
                return False
    return True


def collide(a: Item, b: Item) -> bool:
    """Tell whether two items claim the same space; a rug and what leans on its bearer do not."""
    if "rug" in (a.category, b.category) or a.support == b.name or b.support == a.name:
        return False
    top_a, top_b = a.position[1] + a.size[1], b.position[1] + b.size[1]
    if min(top_a, top_b) - max(a.position[1], b.position[1]) <= SLACK_M:
        return False
    return rectangles_overlap(footprint(a), footprint(b))


def inside_room(item: Item, room: Room) -> bool:
    """Tell whether an item stays within the walls, the floor and the ceiling."""
    corners = footprint(item)
    low, high = corners.min(axis=0), corners.max(axis=0)
    width, height, depth = room.size
    flat = low.min() >= -SLACK_M and high[0] <= width + SLACK_M and high[1] <= depth + SLACK_M
    return bool(flat) and -SLACK_M <= item.position[1] <= height - item.size[1] + SLACK_M


@dataclass(frozen=True)
class Plan:
    """A room being furnished; `clear` are places that must stay empty."""

    room: Room
    items: tuple[Item, ...] = ()
    clear: tuple[Item, ...] = ()

    def fits(self, item: Item) -> bool:
        """Tell whether an item can stand where it is posed."""
        if not inside_room(item, self.room):
            return False
        tall = item.category not in ("rug", "curtain") and item.support != "ceiling"
        blocked = self.clear if tall else ()
        return not any(collide(item, other) for other in (*self.items, *blocked))

    def add(self, *group: Item | None) -> "Plan":
        """Return the plan with all of `group`, or unchanged if one is missing or does not fit."""
        plan = self
        for item in group:
            if item is None or not plan.fits(item):
                return self
            plan = replace(plan, items=(*plan.items, item))
        return plan

    def add_somewhere(self, item: Item | None, *spots: tuple[float, float]) -> "Plan":
        """Return the plan with `item` on the first of the spots (x, z) where it fits, if any."""
        if item is None:
            return self
        posed = (replace(item, position=(x, 0.0, z)) for x, z in spots)
        return next((self.add(place) for place in posed if self.fits(place)), self)

    def need(self, *group: Item) -> "Plan":
        """Return the plan with `group`, without which the room is not one of its type.

        Raises
        ------
        ValueError
            If one of them does not fit.
        """
        plan = self
        for item in group:
            if not plan.fits(item):
                raise ValueError(f"{item.name} does not fit into the room")
            plan = replace(plan, items=(*plan.items, item))
        return plan

    def find(self, name: str) -> Item | None:
        """Return the item of that name, if it was placed."""
        return next((item for item in self.items if item.name == name), None)


def start_plan(room: Room, camera: Camera) -> Plan:
    """Return an empty plan that keeps the camera's place and the doors' swing clear."""
    x, _, z = camera.position
    side = 2 * CAMERA_ROOM_M
    zones = [Item("camera", "none", (side, room.size[1], side), (x, 0, z), camera.yaw_deg)]
    for wall in ("back", "right", "front", "left"):
        for hole in room.wall(wall).openings:
            if hole.kind != "window":
                zone = Item("door", "none", (hole.width_m, 2.0, DOOR_ROOM_M))
                zones.append(at_wall(room, wall, hole.along_m + hole.width_m / 2, zone, 0.0))
    return Plan(room, clear=tuple(zones))


def at_wall(room: Room, side: Side, along_m: float, item: Item, gap_m: float = 0.02) -> Item:
    """Pose an item with its back to a wall, its middle `along_m` from the wall's left end."""
    (x, _, z), yaw_deg = wall_pose(room, side)
    a, b = rotate(yaw_deg, along_m, gap_m + item.size[2] / 2)
    return replace(item, position=(x + a, item.position[1], z + b), yaw_deg=yaw_deg)


def hang(room: Room, side: Side, along_m: float, up_m: float, item: Item) -> Item:
    """Pose an item on a wall, its lower edge at `up_m`."""
    posed = at_wall(room, side, along_m, item, 0.003)
    return replace(posed, position=(posed.position[0], up_m, posed.position[2]), support="wall")


def under_ceiling(room: Room, x: float, z: float, item: Item) -> Item:
    """Hang an item from the ceiling."""
    return replace(item, position=(x, room.size[1] - item.size[1], z), support="ceiling")


def on_top(item: Item, base: Item, x: float = 0.0, z: float = 0.0, turn_deg: float = 0.0) -> Item:
    """Stand an item on another, at (x, z) in the other's coordinates."""
    a, b = rotate(base.yaw_deg, x, z)
    position = (base.position[0] + a, base.position[1] + base.size[1], base.position[2] + b)
    return replace(item, position=position, yaw_deg=base.yaw_deg + turn_deg, support=base.name)


def beside(item: Item, base: Item, x: float, z: float, turn_deg: float = 0.0) -> Item:
    """Stand an item on the floor at (x, z) in another's coordinates."""
    a, b = rotate(base.yaw_deg, x, z)
    position = (base.position[0] + a, item.position[1], base.position[2] + b)
    return replace(item, position=position, yaw_deg=base.yaw_deg + turn_deg)


def aim_camera(
    room: Room,
    spot: tuple[float, float],
    target: tuple[float, float],
    hfov_deg: float,
    up_m: float = 1.32,
) -> Camera:
    """Return a level camera at `spot` (x, z), kept inside, that looks towards `target`."""
    margin = 0.12
    x = min(max(spot[0], margin), room.size[0] - margin)
    z = min(max(spot[1], margin), room.size[2] - margin)
    yaw_deg = math.degrees(math.atan2(target[0] - x, target[1] - z))
    return Camera((x, up_m, z), yaw_deg, hfov_deg, rise=-0.04)


def find_faults(scene: Scene) -> list[str]:
    """Say what is wrong with where things are; an empty list is a good scene."""
    if scene.room is None:
        return []
    faults = [
        f"{i.name} is not inside the room" for i in scene.items if not inside_room(i, scene.room)
    ]
    for number, item in enumerate(scene.items):
        faults += [
            f"{item.name} and {other.name} collide"
            for other in scene.items[number + 1 :]
            if collide(item, other)
        ]
    names = [item.name for item in scene.items]
    faults += [f"two things are called {name}" for name in {n for n in names if names.count(n) > 1}]
    faults += [fault for item in scene.items if (fault := _floats(item, scene))]
    x, y, z = scene.camera.position
    point = Item("camera", "none", (0.2, 0.2, 0.2), (x, y, z))
    if not inside_room(replace(point, size=(0.02, 0.02, 0.02)), scene.room):
        faults.append("the camera is outside the room")
    return faults + [f"{i.name} swallows the camera" for i in scene.items if collide(i, point)]


def _floats(item: Item, scene: Scene) -> str:
    if scene.room is None or item.support == "wall":
        return ""
    low, high = item.position[1], item.position[1] + item.size[1]
    if item.support == "floor":
        return "" if abs(low) < 0.02 else f"{item.name} does not stand on the floor"
    if item.support == "ceiling":
        return "" if abs(high - scene.room.size[1]) < 0.02 else f"{item.name} does not hang"
    base = next((other for other in scene.items if other.name == item.support), None)
    if base is None:
        return f"{item.name} stands on {item.support}, which is not there"
    close = base.position[1] <= low <= base.position[1] + base.size[1] + 0.02
    within = rectangles_overlap(footprint(item), footprint(base))
    return "" if close and within else f"{item.name} does not rest on {base.name}"
