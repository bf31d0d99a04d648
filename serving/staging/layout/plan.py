"""What goes where in a room: a kit applied to it, in room coordinates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from serving.staging.kit import Role, RoomType
from serving.staging.room import Floats

Size = tuple[float, float, float]


@dataclass(frozen=True)
class Placed:
    """A piece of furniture in its place.

    Attributes
    ----------
    x_m, z_m : middle of its footprint
    yaw_deg : 0 faces the camera's back, 90 to the right, -90 to the left
    size_m : width, height, depth
    base_m : its underside above the floor: pictures hang, lamps stand on tables
    """

    sku: str
    role: Role
    x_m: float
    z_m: float
    yaw_deg: float
    size_m: Size
    base_m: float = 0.0

    @property
    def front(self) -> Floats:
        """The direction (x, z) in which its front looks."""
        yaw = math.radians(self.yaw_deg)
        return np.array([math.sin(yaw), math.cos(yaw)])

    @property
    def on_floor(self) -> bool:
        """Whether it takes up floor that nothing else may stand on."""
        return self.base_m == 0 and self.role != "rug"

    def footprint(self, grown_m: float = 0.0) -> Floats:
        """Return its corners on the floor, (4, 2) of (x, z), `grown_m` larger on each side."""
        width, depth = self.size_m[0] / 2 + grown_m, self.size_m[2] / 2 + grown_m
        corners = np.array([[-width, -depth], [width, -depth], [width, depth], [-width, depth]])
        ahead, right = self.front, np.array([self.front[1], -self.front[0]])
        moved: Floats = corners[:, :1] * right + corners[:, 1:] * ahead + (self.x_m, self.z_m)
        return moved

    def corners(self, grown_m: float = 0.0) -> Floats:
        """Return the corners (8, 3) of the box around it."""
        flat = self.footprint(grown_m)
        heights = (self.base_m, self.base_m + self.size_m[1])
        rings = [np.insert(flat, 1, height, axis=1) for height in heights]
        return np.concatenate(rings)

    def beside(self, ahead_m: float, right_m: float) -> tuple[float, float]:
        """Return a point (x, z) ahead of its middle and to the right, as it looks."""
        ahead, right = self.front, np.array([-self.front[1], self.front[0]])
        x, z = np.array([self.x_m, self.z_m]) + ahead * ahead_m + right * right_m
        return float(x), float(z)

    def moved(self, x_m: float, z_m: float) -> "Placed":
        """Return it in another place."""
        return replace(self, x_m=x_m, z_m=z_m)


@dataclass(frozen=True)
class Plan:
    """A kit applied to one room.

    Attributes
    ----------
    kit : its name and version
    reasons : codes of what could not be placed, with a sentence each
    """

    kit: str
    room_type: RoomType
    seed: int
    pieces: tuple[Placed, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def skus(self) -> tuple[str, ...]:
        """What stands in the room, in the order in which it was placed."""
        return tuple(piece.sku for piece in self.pieces)
