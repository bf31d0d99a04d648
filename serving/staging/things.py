"""Furniture as a renderer sees it: triangles and what they are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Triangles = NDArray[np.uint32]
RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """What a surface looks like.

    Attributes
    ----------
    rgb : linear light, 0..1; with a texture, its mean
    texture : uint8 (rows, columns, 3), sRGB, that repeats; None: plain
    """

    rgb: RGB
    roughness: float = 0.7
    metallic: float = 0.0
    texture: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles of one look.

    Attributes
    ----------
    vertices : (n, 3), metres, from the middle of the thing's footprint, its front towards +z
    normals : (n, 3), of length 1
    uvs : (n, 2), in repeats of the texture; v goes up
    faces : (m, 3), counter-clockwise from outside
    """

    vertices: Vectors
    normals: Vectors
    uvs: Vectors
    faces: Triangles
    look: Look


@dataclass(frozen=True, eq=False)
class Model:
    """A piece of furniture of a kit in its own size, (width, height, depth) in metres."""

    sku: str
    size_m: tuple[float, float, float]
    parts: tuple[Part, ...]
