"""Colour grading by three-dimensional look-up tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter
from scipy.interpolate import RegularGridInterpolator

from serving.errors import BadInput
from serving.image import Image, check_rgb

LARGEST = 65  # what Pillow takes; .cube allows 256


@dataclass(frozen=True, eq=False)
class Lut:
    """Colours to colours.

    Parameters
    ----------
    table : float32, shape (n, n, n, 3)
        Indexed [red, green, blue], evenly spaced over 0..1; RGB, 0..1.
    """

    table: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = self.table.shape[0]
        if self.table.shape != (n, n, n, 3) or not 2 <= n <= LARGEST:
            raise BadInput(f"a LUT of shape {self.table.shape}: n x n x n x 3, n of 2..{LARGEST}")


def identity_lut(size: int = 2) -> Lut:
    """Return the table that changes nothing."""
    steps = np.linspace(0, 1, size, dtype=np.float32)
    return Lut(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1))


def read_cube(data: bytes) -> Lut:
    """Read the file of a 3D LUT as `parse_cube` does; titles and remarks may be in any charset."""
    if b"\0" in data:
        raise BadInput("not a .cube file: it is not text")
    return parse_cube(data.decode("utf-8", "replace"))


def parse_cube(text: str) -> Lut:
    r"""Read a 3D LUT in the .cube format.

    Raises
    ------
    BadInput
        A line that is no .cube, a 1D LUT, a wrong number of colours, or values not finite.

    Notes
    -----
    Source: Adobe, "Cube LUT Specification" 1.0, 2013: red changes fastest.

    Examples
    --------
    >>> corners = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1"
    >>> parse_cube("LUT_3D_SIZE 2\n" + corners).table[1, 0, 0].tolist()
    [1.0, 0.0, 0.0]
    """
    words = [line.split("#")[0].split() for line in text.lstrip("\ufeff").splitlines()]
    header = {line[0]: line[1:] for line in words if line and line[0][0].isalpha()}
    unknown = set(header) - {
        "TITLE",
        "LUT_3D_SIZE",
        "DOMAIN_MIN",
        "DOMAIN_MAX",
        "LUT_3D_INPUT_RANGE",
    }
    if unknown:
        raise BadInput(f"not a 3D .cube: '{sorted(unknown)[0]}'")
    try:
        size = int(header.get("LUT_3D_SIZE", ["0"])[0])
        rows = np.array([line for line in words if line and not line[0][0].isalpha()], np.float32)
        low = np.array(header.get("DOMAIN_MIN", [0, 0, 0]), np.float64)
        high = np.array(header.get("DOMAIN_MAX", [1, 1, 1]), np.float64)
        if "LUT_3D_INPUT_RANGE" in header:  # Resolve's way to say it
            low[:], high[:] = (float(end) for end in header["LUT_3D_INPUT_RANGE"])
    except (ValueError, IndexError) as error:
        raise BadInput(f"not a 3D .cube: {error}") from error
    if not 2 <= size <= 256 or rows.shape != (size**3, 3) or not np.isfinite(rows).all():
        raise BadInput(f"a .cube of size {size} with colours of shape {rows.shape}")
    if low.shape != (3,) or high.shape != (3,) or not (low < high).all():
        raise BadInput(f"a .cube whose domain is {low} to {high}")
    return _resample(rows.reshape(size, size, size, 3).transpose(2, 1, 0, 3), low, high)


def _resample(
    table: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]
) -> Lut:
    """Bring a table over low..high to one over 0..1 that Pillow takes."""
    if len(table) <= LARGEST and not low.any() and (high == 1).all():
        return Lut(np.ascontiguousarray(table))
    axes = [np.linspace(low[i], high[i], len(table)) for i in range(3)]
    size = min(max(len(table), 33), LARGEST)
    inside = identity_lut(size).table.clip(low, high)
    return Lut(RegularGridInterpolator(axes, table)(inside).astype(np.float32))


def apply_lut(image: Image, lut: Lut, strength: float = 1.0) -> Image:
    """Return the graded picture, trilinear between the table's colours.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
        RGB, 0..255. Left unchanged.
    strength : 0 (as it was) .. 1 (all of the table)
    """
    check_rgb(image)
    size = len(lut.table)
    table = lut.table
    if strength != 1:
        table = identity_lut(size).table * np.float32(1 - strength) + table * np.float32(strength)
    # Pillow wants red fastest too
    flat = np.ascontiguousarray(table.transpose(2, 1, 0, 3), np.float32).ravel()
    return np.asarray(Pillow.fromarray(image).filter(ImageFilter.Color3DLUT(size, flat)))
