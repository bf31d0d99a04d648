"""What rays met looks like: positions, normals and colours of surfaces."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from synthetic.raycast.caster import Floats, Hits, Ids, Triangles
from synthetic.scene import Material, Pattern
from synthetic.textures import draw_texture

_TEXTURE_PX = 384
_OFTEN = 64


@dataclass(frozen=True)
class Surface:
    """The surfaces that rays met; rows of rays that met nothing are zeros.

    Attributes
    ----------
    position, normal : float32 (n, 3), world coordinates; normals towards where the ray came from
    albedo : float32 (n, 3), linear, 0..1
    material : int64 (n,), place in the triangles' kinds, -1 where nothing was met
    """

    position: Floats
    normal: Floats
    albedo: Floats
    material: Ids


def look_up(
    triangles: Triangles, hits: Hits, origins: Floats, ways: Floats, *, drawn: bool = True
) -> Surface:
    """Return the surfaces that rays met; unless `drawn`, in their materials' mean colours."""
    met = hits.met
    place = np.where(met, hits.triangle, 0)
    distance = np.where(met, hits.distance, 0)[:, None]
    weights = hits.weights[..., None]
    normal = (triangles.normals[place] * weights).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal[(normal * ways).sum(axis=1) > 0] *= -1
    material = np.where(met, triangles.materials[place], -1)
    if drawn:
        albedo = _colours(triangles, material, (triangles.uvs[place] * weights).sum(axis=1))
    else:
        means = np.stack([mean_colour(kind) for kind in triangles.kinds])
        albedo = means[material] * met[:, None]
    return Surface(origins + ways * distance, normal * met[:, None], albedo, material)


def _colours(triangles: Triangles, material: Ids, uv: Floats) -> Floats:
    colours = np.zeros((len(uv), 3), np.float32)
    for number in np.unique(material[material >= 0]):
        rows = material == number
        colours[rows] = colour_of(triangles.kinds[number], uv[rows])
    return colours


def colour_of(material: Material, uv: Floats) -> Floats:
    """Return linear colours, float32 (n, 3), of a material at texture coordinates (n, 2)."""
    if material.image is not None:
        picture, scale = _read_picture(material.image), (1.0, 1.0)
    elif material.pattern is not None:
        picture, scale = _draw(material.pattern), material.pattern.size_m
    else:
        return np.broadcast_to(to_linear(np.array(material.color)), (len(uv), 3))
    height, width = picture.shape[:2]
    tiles: Floats = np.mod(uv / np.array(scale, np.float32), 1)
    across, up = tiles.T
    rows = ((1 - up) * height).astype(np.int64).clip(0, height - 1)
    found: Floats = picture[rows, (across * width).astype(np.int64).clip(0, width - 1)]
    return found


@lru_cache(maxsize=1024)
def mean_colour(material: Material) -> Floats:
    """Return a material's linear colour, float32 (3,), averaged over what is drawn on it."""
    steps = np.linspace(0, 1, 8, endpoint=False, dtype=np.float32)
    size = material.pattern.size_m if material.pattern and material.image is None else (1.0, 1.0)
    uv = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * np.array(size, np.float32)
    mean: Floats = colour_of(material, uv).mean(axis=0)
    return mean


def to_linear(colour: NDArray[np.floating]) -> Floats:
    """Decode sRGB 0..1 to linear light (IEC 61966-2-1)."""
    low, high = colour / 12.92, ((colour.clip(0) + 0.055) / 1.055) ** 2.4
    return np.where(colour <= 0.04045, low, high).astype(np.float32)


@lru_cache(maxsize=_OFTEN)
def _draw(pattern: Pattern) -> Floats:
    return to_linear(draw_texture(pattern, _TEXTURE_PX).color / 255)


@lru_cache(maxsize=_OFTEN)
def _read_picture(file: Path) -> Floats:
    with Pillow.open(file) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    size = (_TEXTURE_PX, _TEXTURE_PX)
    return to_linear(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) / 255)
