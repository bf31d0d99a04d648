"""Reads the triangles of a Wavefront OBJ file; materials are names, their file is not read."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from serving.errors import BadAsset, TooLarge
from serving.kits.assets.soup import MOST_TRIANGLES, Corners, SoupPot

# what is read; millions of other lines are passed over without a step for each
_LINE = re.compile(r"^[ \t]*(v|vn|f|usemtl)(?![^\s])(.*)", re.MULTILINE)
_MOST_CORNERS = 6 * MOST_TRIANGLES
Corner = tuple[int, int | None]


def read_obj(data: bytes) -> SoupPot:
    """Return the triangles of the file, in its own units; polygons are cut into fans.

    Raises
    ------
    BadAsset
        A line cannot be read, or names a corner that there is not.
    TooLarge
        It has more triangles or materials than a piece of furniture may have.
    """
    places: list[Sequence[float]] = []
    normals: list[Sequence[float]] = []
    faces: dict[str, list[tuple[Corner, Corner, Corner]]] = {}
    name, count = "", 0
    text = _plain(data)
    for line in _LINE.finditer(text):
        # of a polygon with more corners than triangles are allowed, no more is read
        kind, words = line[1], line[2].partition("#")[0].split(maxsplit=MOST_TRIANGLES + 3)
        count += max(0, len(words) - 2) if kind == "f" else 0
        if count > MOST_TRIANGLES or max(len(places), len(normals)) > _MOST_CORNERS:
            raise TooLarge("triangles of a mesh", max(count, len(places) // 2), MOST_TRIANGLES)
        try:
            if kind == "v":
                places.append(_vector(words))
            elif kind == "vn":
                normals.append(_vector(words))
            elif kind == "usemtl":
                name = " ".join(words)
            else:
                corners = [_corner(word, len(places), len(normals)) for word in words]
                faces.setdefault(name, []).extend(
                    (corners[0], *pair) for pair in pairwise(corners[1:])
                )
        except ValueError as error:
            number = text.count("\n", 0, line.start()) + 1
            raise BadAsset(f"line {number:,} of the OBJ file cannot be read") from error
    return _gather(np.array(places), np.array(normals), faces)


def _gather(
    places: Corners, normals: Corners, faces: dict[str, list[tuple[Corner, Corner, Corner]]]
) -> SoupPot:
    pot = SoupPot()
    for name, triangles in faces.items():
        if not triangles:
            continue
        where = np.array([[corner[0] for corner in triangle] for triangle in triangles])
        which = [corner[1] for triangle in triangles for corner in triangle]
        known = None
        if None not in which:
            known = normals[np.array(which, np.int64)].reshape(-1, 3, 3)
        pot.add(name, places[where], known)
    return pot


def _plain(data: bytes) -> str:
    """Return the text, each line ended by one character; lines that go on are one."""
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\\\n", " ")


def _vector(words: Sequence[str]) -> tuple[float, float, float]:
    x, y, z = words[:3]
    return float(x), float(y), float(z)


def _corner(word: str, places: int, normals: int) -> Corner:
    """Return the place and normal that `7`, `7/1`, `7//3` or `7/1/3` name, counted from 0."""
    parts = word.split("/")
    normal = parts[2] if len(parts) > 2 else ""
    return _index(parts[0], places), _index(normal, normals) if normal else None


def _index(text: str, count: int) -> int:
    number = int(text)
    index = number - 1 if number > 0 else count + number
    if not 0 <= index < count:
        raise ValueError(text)
    return index
