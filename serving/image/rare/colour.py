"""From the colours a file is in to sRGB, by LittleCMS."""

import io
from collections.abc import Callable

from PIL import Image as Pillow
from PIL import ImageCms

from serving.image.profiles import (
    DISPLAY_P3,
    REC2020,
    SRGB,
    Space,
    is_srgb,
    make_profile,
)

_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
_PRIMARIES = {1: SRGB, 9: REC2020, 12: DISPLAY_P3}  # ITU-T H.273, table 2
# table 3: which are near sRGB's curve when shown, and pure powers; PQ and HLG are left as they are
_GAMMAS = {1: 0.0, 4: 2.2, 5: 2.8, 6: 0.0, 8: 1.0, 13: 0.0, 14: 0.0, 15: 0.0}

Convert = Callable[[Pillow.Image], Pillow.Image]


def profile_of_codes(primaries: int, transfer: int) -> bytes:
    """Return a profile for H.273's code points (cICP, nclx); nothing for sRGB and the unknown."""
    space, gamma = _PRIMARIES.get(primaries), _GAMMAS.get(transfer)
    if space is None or gamma is None or (space is SRGB and gamma == 0.0):
        return b""
    return make_profile(Space(space.red, space.green, space.blue, space.white, gamma))


def make_converter(profile: bytes, mode: str) -> Convert:
    """Return what brings pictures of a Pillow mode to sRGB; Pillow's way without a profile.

    A profile that is broken, or of another colour space than the pixels, is ignored.
    """
    plain: Convert = lambda picture: picture.convert("RGB")  # noqa: E731
    if mode == "LAB" and not profile:
        return _converter(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), mode)
    if not profile or mode not in _SPACES or (mode == "RGB" and is_srgb(profile)):
        return plain
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[mode]:
            return plain
        return _converter(source, mode)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return plain


def _converter(source: ImageCms.ImageCmsProfile, mode: str) -> Convert:
    transform = ImageCms.ImageCmsTransform(
        source,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )

    def convert(picture: Pillow.Image) -> Pillow.Image:
        return transform.apply(picture)

    return convert
