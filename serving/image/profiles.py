"""ICC profiles: which are sRGB by what they say, and those of well-known colour spaces.

Sources: ICC.1:2022 (profile format), IEC 61966-2-1 (sRGB), SMPTE EG 432-1 (Display P3's primaries),
Adobe RGB (1998), ISO 22028-2 (ProPhoto, as ROMM RGB), ITU-T H.273 (code points).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Floats = NDArray[np.float64]

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_PROBES = np.linspace(0.0, 1.0, 33)
# a hundredth of a primary's share moves no 8-bit value by more than 2
_NEAR_PRIMARY, _NEAR_CURVE = 0.004, 0.006


@dataclass(frozen=True)
class Space:
    """An RGB colour space: its primaries and white as x, y (CIE 1931), and how light is coded.

    Attributes
    ----------
    gamma : of a pure power; 0: the curve of sRGB
    """

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float] = (0.3127, 0.3290)
    gamma: float = 0.0


SRGB = Space((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = Space((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = Space((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), gamma=563 / 256)
PROPHOTO = Space((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585), 1.8)
REC2020 = Space((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), gamma=2.4)


def srgb_curve(coded: Floats) -> Floats:
    """Return linear light, 0..1, of sRGB-coded values 0..1."""
    light: Floats = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return light


def colorants(space: Space) -> Floats:
    """Return the XYZ of red, green and blue as rows, adapted to the profile's white D50."""
    xy = np.array([space.red, space.green, space.blue])
    primaries = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(1)) / xy[:, 1]])
    x, y = space.white
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    scaled = primaries * np.linalg.solve(primaries.T, white)[:, None]
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    adapted: Floats = scaled @ adapt.T
    return adapted


def make_profile(space: Space) -> bytes:
    """Return an ICC profile (version 2) of the space."""
    if space.gamma:
        curve = struct.pack(">4s4xIH2x", b"curv", 1, round(space.gamma * 256))
    else:
        values = np.rint(srgb_curve(np.linspace(0, 1, 1024)) * 65535).astype(">u2").tobytes()
        curve = struct.pack(">4s4xI", b"curv", 1024) + values
    name = b"made from primaries\0"
    text = struct.pack(">4s4xI", b"desc", len(name)) + name + bytes(78)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": _xyz(_D50)}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, colorants(space)), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _assemble(tags, b"RGB ")


def make_grey_profile(gamma: float) -> bytes:
    """Return an ICC profile of grey coded by a power."""
    curve = struct.pack(">4s4xIH2x", b"curv", 1, round(gamma * 256))
    name = b"grey\0"
    text = struct.pack(">4s4xI", b"desc", len(name)) + name + bytes(78)
    cprt = b"text\0\0\0\0none\0\0\0\0"
    tags = {b"desc": text, b"cprt": cprt, b"wtpt": _xyz(_D50), b"kTRC": curve}
    return _assemble(tags, b"GRAY")


def _xyz(values: Floats | Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _assemble(tags: dict[bytes, bytes], space: bytes) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    date, illuminant = struct.pack(">6H", 2026, 1, 1, 0, 0, 0), _xyz(_D50)[8:]
    head += date + b"acsp" + bytes(28) + illuminant
    return head + bytes(128 - len(head)) + table + body


def is_srgb(profile: bytes) -> bool:
    """Say whether an RGB profile is sRGB by its numbers, whatever it is called.

    A profile that cannot be read by this is not said to be.
    """
    try:
        tags = _read_tags(profile)
        if profile[16:20] != b"RGB " or any(name.startswith(b"A2B") for name in tags):
            return False
        found = np.array([_read_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
        if np.abs(found - colorants(SRGB)).max() > _NEAR_PRIMARY:
            return False
        return all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (struct.error, KeyError, ValueError, IndexError, ZeroDivisionError):
        return False


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * n) for n in range(min(count, 100)))
    return {name: profile[at : at + size] for name, at, size in entries}


def _read_xyz(tag: bytes) -> Floats:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _is_srgb_curve(tag: bytes) -> bool:
    light = _read_curve(tag)(_PROBES)
    return bool(np.abs(light - srgb_curve(_PROBES)).max() < _NEAR_CURVE)


def _read_curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        return _read_parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("a curve of an unknown kind")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda coded: coded
    values = np.frombuffer(tag, ">u2", count, 12)
    if count == 1:
        return lambda coded: coded ** (float(values[0]) / 256)
    return lambda coded: np.interp(coded, np.linspace(0, 1, count), values / 65535)


def _read_parametric(tag: bytes) -> Curve:
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    values = [value / 65536 for value in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = values + [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(values) :]
    if kind in (1, 2):
        d, e, f, c = -b / a, c, c, 0.0
    if kind == 0:
        d = -1.0
    return lambda coded: np.where(coded >= d, np.maximum(a * coded + b, 0) ** g + e, c * coded + f)
