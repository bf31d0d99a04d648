"""Reads the triangles of a Wavefront OBJ file; materials are names, their file is not read."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from serving.errors import BadAsset, TooLarge
from serving.kits.assets.soup import MOST_TRIANGLES, Corners, SoupPot

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
    for number, words in _lines(data):
        try:
            if words[0] == "v":
                places.append(_vector(words))
            elif words[0] == "vn":
                normals.append(_vector(words))
            elif words[0] == "usemtl":
                name = " ".join(words[1:])
            elif words[0] == "f":
                corners = [_corner(word, len(places), len(normals)) for word in words[1:]]
                count += max(0, len(corners) - 2)
                faces.setdefault(name, []).extend(
                    (corners[0], *pair) for pair in pairwise(corners[1:])
                )
        except ValueError as error:
            raise BadAsset(f"line {number:,} of the OBJ file cannot be read") from error
        if count > MOST_TRIANGLES or max(len(places), len(normals)) > _MOST_CORNERS:
            raise TooLarge("triangles of a mesh", max(count, len(places) // 2), MOST_TRIANGLES)
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


def _lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each line that says something, with its number from 1."""
    text = data.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words:
            yield number, words


def _vector(words: Sequence[str]) -> tuple[float, float, float]:
    x, y, z = words[1:4]
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
