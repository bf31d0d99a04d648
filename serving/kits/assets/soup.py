"""Triangles as a stranger's file has them, each with its own corners."""

import itertools
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.errors import BadAsset, TooLarge

MOST_TRIANGLES = 60_000  # a path tracer takes ten such pieces in a room; a good sofa has 10,000
MOST_PARTS = 24
Corners = NDArray[np.float64]
_NO_NAME = "all"


@dataclass(frozen=True, eq=False)
class Soup:
    """Triangles of one material.

    Attributes
    ----------
    corners : (n, 3, 3): triangle, corner, axis; y goes up
    normals : as `corners`, not always of length 1; zeros where the file has none
    """

    corners: Corners
    normals: Corners


class SoupPot:
    """Gathers the triangles of a file by the names of their materials, within what is allowed."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Soup]] = {}
        self._names: dict[str, str] = {}  # of parts, by the materials' own
        self.triangles = 0

    def add(self, name: str, corners: Corners, normals: Corners | None = None) -> None:
        """Add triangles; TooLarge or BadAsset where they are too many or no numbers."""
        self.check_room(len(corners))
        self.triangles += len(corners)
        if not len(corners):
            return
        if not np.isfinite(corners).all():
            raise BadAsset("a corner of the mesh is no number")
        if normals is None or not np.isfinite(normals).all():
            normals = np.zeros_like(corners)
        self._parts.setdefault(self._part_of(name), []).append(Soup(corners, normals))
        if len(self._parts) > MOST_PARTS:
            raise TooLarge("materials of a mesh", len(self._parts), MOST_PARTS)

    def _part_of(self, name: str) -> str:
        """Return the part of a material: another for each, also where they are written alike."""
        if name not in self._names:
            plain, taken = part_name(name), set(self._names.values())
            numbered = (f"{plain[:36]}_{number}" for number in itertools.count(2))
            free = (part for part in itertools.chain([plain], numbered) if part not in taken)
            self._names[name] = next(free)
        return self._names[name]

    def check_room(self, triangles: int) -> None:
        """Raise TooLarge unless so many triangles more may be added."""
        count = self.triangles + triangles
        if count > MOST_TRIANGLES:
            raise TooLarge("triangles of a mesh", count, MOST_TRIANGLES)

    def parts(self) -> dict[str, Soup]:
        """Return the triangles by name; BadAsset if there are none."""
        if not self._parts:
            raise BadAsset("the file has no triangles")
        return {
            name: Soup(
                np.concatenate([soup.corners for soup in soups]),
                np.concatenate([soup.normals for soup in soups]),
            )
            for name, soups in sorted(self._parts.items())
        }


def part_name(name: str) -> str:
    """Return a material's name as a kit writes names.

    Examples
    --------
    >>> part_name("Fabric.001"), part_name("oakWood"), part_name("7"), part_name("")
    ('fabric_001', 'oak_wood', 'part_7', 'all')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    if not plain:
        return _NO_NAME
    return (plain if plain[0].isalpha() and len(plain) > 1 else f"part_{plain}")[:40]
