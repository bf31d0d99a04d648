"""Measures a furnished photo against the photo it was made from.

Contact and shadow are measured in the picture, at the feet of each piece that stands on the floor:
where the picture's furniture ends, and how dark the floor beside it became.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import Image
from serving.perception.classes import CLASSES
from serving.staging.furnish.furnish import Furnished
from serving.staging.furnish.match import noise_level
from serving.staging.furnish.scene import Standing
from serving.staging.layout.fit import overlap
from serving.staging.linear import to_linear
from serving.staging.room import Camera, Floats, Ids, Room

_PROTECTED = [CLASSES.index(name) for name in ("window", "door", "mirror")]
_FOOT_M = 0.02
_PER = 1000.0
_BAND = 0.012  # of the longer side: how far around a foot its shadow is looked for
_REVIEW_BELOW = 0.6
_MOST_CONTACT = 4.0  # px per 1000
_MOST_SHADOW = 0.93
_MOST_CHANGED = 0.6
_MOST_NOISE = 2.5  # steps of 255


@dataclass(frozen=True)
class Check:
    """What was measured of a furnished photo.

    Attributes
    ----------
    contact_px : by how much the foot nearest to the camera is off its place on the floor, per 1000
        px of the longer side, of each piece of which that foot is seen and on bare floor; by SKU
        and number
    shadow : how much light is left on the floor around that foot, 0..1
    outside_changed : pixels changed outside of the mask
    protected_changed : share of windows, doors and mirrors that changed without furniture before it
    share_changed : of the picture
    noise_difference : grain of the furniture against the photo's, steps of 255
    score : 0..1
    reasons : codes of what is wrong, with a sentence each
    """

    contact_px: Mapping[str, float]
    shadow: Mapping[str, float]
    outside_changed: int
    protected_changed: float
    share_changed: float
    noise_difference: float
    score: float
    reasons: Mapping[str, str]

    @property
    def needs_review(self) -> bool:
        """Whether a person is to look before it is shown."""
        return self.score < _REVIEW_BELOW or bool(self.reasons)


def check_furnished(
    photo: Image, ids: Ids, room: Room, things: tuple[Standing, ...], done: Furnished
) -> Check:
    """Return what is to be said of a furnished photo.

    Parameters
    ----------
    photo : uint8 RGB (height, width, 3), as `furnish` was given it
    ids : uint8 (height, width), ids of `CLASSES`
    room, things : as `furnish` was given them; the camera may be of another size
    """
    camera = room.camera.scaled((photo.shape[0], photo.shape[1]))
    contact, shadow = _at_feet(photo, done, camera, things)
    outside = int((done.picture != photo).any(axis=2)[~done.changed].sum())
    window = np.isin(ids, _PROTECTED)
    bare = done.changed & window & (done.cover <= 0)
    noise = _noise_difference(photo, done)
    found = {
        "outside": outside > 0, "protected": bool(bare.any()),
        "floating": _median(contact) > _MOST_CONTACT,
        "no_shadow": _median(shadow) > _MOST_SHADOW,
        "too_much": float(done.changed.mean()) > _MOST_CHANGED,
        "noise": abs(noise) > _MOST_NOISE,
    }  # fmt: skip
    reasons = {code: _SENTENCES[code] for code, wrong in found.items() if wrong} | dict(done.doubts)
    score = _score(contact, shadow, noise) * (0.0 if outside else 1.0)
    return Check(
        contact, shadow, outside, float(bare.sum() / max(window.sum(), 1)),
        float(done.changed.mean()), noise, score, reasons,
    )  # fmt: skip


_SENTENCES = {
    "outside": "pixels changed outside of the mask",
    "protected": "a window, door or mirror changed",
    "floating": "furniture does not end where its feet stand",
    "no_shadow": "no shadow is seen under the furniture",
    "too_much": "most of the picture was changed",
    "noise": "the furniture's grain differs from the photo's",
}


def _median(values: Mapping[str, float]) -> float:
    return float(np.median(list(values.values()))) if values else 0.0


def _score(contact: Mapping[str, float], shadow: Mapping[str, float], noise: float) -> float:
    stands = np.exp(-_median(contact) / _MOST_CONTACT)
    dark = np.clip((1.02 - _median(shadow)) / 0.12, 0, 1) if shadow else 0.5
    alike = np.exp(-abs(noise) / _MOST_NOISE)
    return float(0.45 * stands + 0.35 * dark + 0.2 * alike)


def _at_feet(
    photo: Image, done: Furnished, camera: Camera, things: tuple[Standing, ...]
) -> tuple[dict[str, float], dict[str, float]]:
    contact: dict[str, float] = {}
    shadow: dict[str, float] = {}
    side = max(photo.shape[:2])
    reach = max(2, round(_BAND * side))
    for number, thing in enumerate(things):
        foot = _nearest_foot(camera, thing) if thing.place.on_floor else None
        if foot is None or _crowded(camera, things, number, foot, reach):
            continue
        rows, columns = _around(foot, reach, photo.shape)
        cover = done.cover[rows, columns]
        name = f"{thing.place.sku}/{number}"
        if (cover > 0.5).any() and not _on_rug(things, number):
            lowest = rows.start + int(np.nonzero((cover > 0.5).any(axis=1))[0].max()) + 1
            contact[name] = abs(lowest - foot[1]) / side * _PER
        ratio = _light_left(photo[rows, columns], done.picture[rows, columns], cover)
        if ratio is not None:
            shadow[name] = ratio
    return contact, shadow


def _nearest_foot(camera: Camera, thing: Standing) -> Floats | None:
    """Return the pixel of the lowest point of a thing that touches the floor; None if not seen."""
    corners = np.concatenate([part.vertices for part in thing.parts()])
    feet = corners[corners[:, 1] < thing.place.base_m + _FOOT_M].astype(float)
    feet[:, 1] = thing.place.base_m
    pixels = camera.project(feet)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(pixels):
        return None
    lowest: Floats = pixels[pixels[:, 1].argmax()]
    height, width = camera.size
    inside = 0 <= lowest[0] < width and 0 <= lowest[1] < height - 1
    return lowest if inside else None


def _crowded(
    camera: Camera, things: tuple[Standing, ...], number: int, foot: Floats, reach: int
) -> bool:
    """Say whether a rug or a piece nearer to the camera is seen within reach of a foot.

    What is covered there does not end at the foot then.
    """
    mine = things[number].place
    for other, thing in enumerate(things):
        nearer = np.hypot(thing.place.x_m, thing.place.z_m) < np.hypot(mine.x_m, mine.z_m)
        if other == number or not (nearer or thing.place.role == "rug"):
            continue
        pixels = camera.project(thing.place.corners())
        if not np.isfinite(pixels).all():
            continue
        hull = cv2.convexHull(pixels.astype(np.float32))
        # the patch is a square, so its corners are as near as this
        if cv2.pointPolygonTest(hull, (float(foot[0]), float(foot[1])), True) > -1.5 * reach:
            return True
    return False


def _on_rug(things: tuple[Standing, ...], number: int) -> bool:
    """Say whether a piece stands on a rug: what it covers does not end at its feet then."""
    mine = things[number].place.footprint()
    rugs = [thing.place for thing in things if thing.place.role == "rug"]
    return any(overlap(mine, rug.footprint()) for rug in rugs)


def _around(foot: Floats, reach: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    x, y = round(float(foot[0])), round(float(foot[1]))
    rows = slice(max(0, y - reach), min(shape[0], y + reach + 1))
    return rows, slice(max(0, x - reach), min(shape[1], x + reach + 1))


def _light_left(before: Image, after: Image, cover: NDArray[np.float32]) -> float | None:
    """Return the darkest quarter of what light is left on the bare floor of a patch."""
    floor = cover <= 0
    if floor.sum() < 8:
        return None
    first, second = (to_linear(one)[floor].mean(axis=1) for one in (before, after))
    return float(np.percentile(second / np.maximum(first, 1e-3), 25))


def _noise_difference(photo: Image, done: Furnished) -> float:
    inside = done.cover > 0.98
    if inside.sum() < 500:
        return 0.0
    rows, columns = np.nonzero(inside)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    return noise_level(done.picture[box]) - noise_level(photo[box])
