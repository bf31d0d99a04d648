"""Where a photo shows faces and number plates: looked for on people and vehicles alone.

A cascade sees faces in cupboards and plates in windows wherever it may look; on a person or a car
that a detector found, nearly all that it sees is one. Nobody is named, and nothing is compared. A
person whose face is not found has the place of the head hidden: who turns away loses nothing by it,
and who was only not recognised is not shown. That is not done to what may be no person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image.array import Image
from serving.perception.detect import Detection
from serving.photos.privacy.cascades import Box, look_for

Kind = Literal["face", "head", "number plate"]
Grey = NDArray[np.uint8]

PEOPLE = frozenset(("person",))
VEHICLES = frozenset(("car", "truck"))
_SURE = 0.5  # of a detector's confidence, from which a person is one whose head may be hidden
_BODY = 0.1  # of a person's box around it: a detector cuts hair off
_SHOWN = 512  # px of the longer side to which a person or a vehicle is brought
_MOST_ENLARGED = 3.0
_FACE, _FACE_NEIGHBOURS = 22, 3
_UPPER = 0.65  # of a person's box, in which the face is
_HEAD_HIGH, _HEAD_WIDE = 0.2, 0.6  # of the box of a person whose face is not found
_SITTING = 1.3  # height over width of a box, under which its person does not stand
_PLATE, _PLATE_NEIGHBOURS = (36, 12), 2
_LOWER = 0.3  # of a vehicle's box, above which no plate is
_PLATE_RATIOS = (1.6, 6.5)  # width over height, of both kinds that are usual in the world
_PLATE_WIDTHS = (0.08, 0.4)  # of the vehicle's box
_FULL = 0.55  # of a plate's rectangle that its writing has to fill with edges
_HIGHEST = 2.0  # width over height of plates in America: what is found is often its writing alone
_MOST_PLATES = 2  # a vehicle shows one, and a second place may look like it


@dataclass(frozen=True)
class PrivateArea:
    """A face, a head or a number plate.

    Attributes
    ----------
    kind : `head` is where the face of a person has to be in which none was found
    box : left, top, right, bottom in pixels of the upright photo
    """

    kind: Kind
    box: Box


def find_private(
    photo: Image, size: tuple[int, int], things: Sequence[Detection]
) -> tuple[PrivateArea, ...]:
    """Return faces and number plates, those of people first.

    Parameters
    ----------
    photo : uint8 RGB, the whole photo at any scale
    size : (height, width) of the photo that boxes refer to, given and returned
    things : that a detector found
    """
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    scale = grey.shape[0] / size[0]
    found: list[PrivateArea] = []
    for one in things:
        if one.label in PEOPLE:
            found += _on_person(grey, _scaled(one.box, scale), one.confidence >= _SURE)
    for one in things:
        if one.label in VEHICLES:
            found += _on_vehicle(grey, _scaled(one.box, scale))
    return tuple(PrivateArea(area.kind, _scaled(area.box, 1 / scale)) for area in found)


def _scaled(box: Box, scale: float) -> Box:
    left, top, right, bottom = (edge * scale for edge in box)
    return left, top, right, bottom


def _on_person(grey: Grey, person: Box, sure: bool) -> list[PrivateArea]:
    left, top, right, bottom = person
    wide, high = right - left, bottom - top
    upper = _UPPER if high > _SITTING * wide else 1.0
    around = (
        left - _BODY * wide,
        top - _BODY * high,
        right + _BODY * wide,
        top + upper * high,
    )
    part = _Part.of(grey, around)
    if part is None:
        return []
    least = (_FACE, _FACE)
    faces = look_for("frontalface_alt2", part.grey, _FACE_NEIGHBOURS, least)
    if not faces:
        faces = look_for("profileface", part.grey, _FACE_NEIGHBOURS, least)
    if not faces:  # it knows profiles that look to the left
        mirrored = look_for("profileface", part.grey[:, ::-1].copy(), _FACE_NEIGHBOURS, least)
        across = part.grey.shape[1]
        faces = [(across - r, t, across - l, b) for l, t, r, b in mirrored]  # noqa: E741
    if faces:
        return [PrivateArea("face", part.to_photo(face)) for face in faces]
    return [PrivateArea("head", _head_of(person))] if sure else []


def _head_of(person: Box) -> Box:
    left, top, right, bottom = person
    wide, high = right - left, bottom - top
    if high <= _SITTING * wide:  # close by, or sitting: the head may be anywhere above
        return left, top, right, top + 0.5 * high
    middle, half = (left + right) / 2, _HEAD_WIDE * wide / 2
    return middle - half, top, middle + half, top + _HEAD_HIGH * high


def _on_vehicle(grey: Grey, vehicle: Box) -> list[PrivateArea]:
    left, top, right, bottom = vehicle
    part = _Part.of(grey, (left, top + _LOWER * (bottom - top), right, bottom))
    if part is None:
        return []
    plates = look_for("russian_plate_number", part.grey, _PLATE_NEIGHBOURS, _PLATE)
    plates += _written_rectangles(part.grey)
    apart: list[Box] = []
    for plate in plates:
        if len(apart) < _MOST_PLATES and not any(_touch(plate, other) for other in apart):
            apart.append(plate)
    return [PrivateArea("number plate", part.to_photo(_whole_plate(plate))) for plate in apart]


def _whole_plate(found: Box) -> Box:
    left, top, right, bottom = found
    more = max(0.0, (right - left) / _HIGHEST - (bottom - top)) / 2
    return left, top - more, right, bottom + more


def _written_rectangles(grey: Grey) -> list[Box]:
    """Return what is as dense with upright edges as writing, and shaped as a plate; densest first.

    The gradient across is closed over the gaps between letters; what is then one piece, and fills
    its rectangle, is written on.
    """
    across = np.abs(cv2.Scharr(cv2.GaussianBlur(grey, (3, 3), 0), cv2.CV_32F, 1, 0))
    strong = (across > max(160.0, float(np.percentile(across, 85)))).astype(np.uint8)
    gap = max(5, grey.shape[1] // 40)
    closed = cv2.morphologyEx(strong, cv2.MORPH_CLOSE, np.ones((3, gap), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, gap), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    found = []
    for left, top, wide, high, area in stats[1:].tolist():
        shaped = _PLATE_RATIOS[0] <= wide / high <= _PLATE_RATIOS[1]
        large = _PLATE_WIDTHS[0] <= wide / grey.shape[1] <= _PLATE_WIDTHS[1]
        if shaped and large and area >= _FULL * wide * high:
            box = float(left), float(top), float(left + wide), float(top + high)
            found.append((area / (wide * high), box))
    return [box for _, box in sorted(found, reverse=True)]


def _touch(one: Box, other: Box) -> bool:
    return max(one[0], other[0]) < min(one[2], other[2]) and max(one[1], other[1]) < min(
        one[3], other[3]
    )


@dataclass(frozen=True)
class _Part:
    """A part of a photo, brought to the size in which cascades look.

    Attributes
    ----------
    grey : uint8 (height, width)
    left, top : in pixels of what it was taken from
    scale : its pixels for each of those
    """

    grey: Grey
    left: int
    top: int
    scale: float

    @classmethod
    def of(cls, grey: Grey, box: Box) -> "_Part | None":
        """Return what of a box lies in a photo; None of less than some pixels."""
        left, top = max(0, int(box[0])), max(0, int(box[1]))
        right, bottom = min(grey.shape[1], int(box[2]) + 1), min(grey.shape[0], int(box[3]) + 1)
        wide, high = right - left, bottom - top
        if min(wide, high) < 4:
            return None
        scale = min(_MOST_ENLARGED, _SHOWN / max(wide, high))
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown = cv2.resize(grey[top:bottom, left:right], size, interpolation=how)
        return cls(np.asarray(shown, np.uint8), left, top, scale)

    def to_photo(self, box: Box) -> Box:
        """Return a box in pixels of what the part was taken from."""
        left, top, right, bottom = (edge / self.scale for edge in box)
        return self.left + left, self.top + top, self.left + right, self.top + bottom
