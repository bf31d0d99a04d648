"""Faces and number plates hidden before all else is done to a photo, where that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.image.array import Image
from serving.photos.enhance.enhance import Enhanced
from serving.photos.privacy.blur import blur_areas
from serving.photos.privacy.find import PrivateArea


@dataclass(frozen=True)
class Hiding:
    """What is hidden of a photo: first, for straightening moves it.

    Attributes
    ----------
    areas : that were found, in pixels of the upright photo
    size : of that, (height, width)
    """

    areas: Sequence[PrivateArea]
    size: tuple[int, int]

    def apply(self, photo: Image) -> Enhanced:
        """Return the photo, at whatever scale, without them."""
        if not self.areas:
            return Enhanced(photo, {}, {"blur": "it shows no face and no number plate"})
        plates = sum(area.kind == "number plate" for area in self.areas)
        amounts = {"faces": float(len(self.areas) - plates), "number_plates": float(plates)}
        return Enhanced(blur_areas(photo, self.areas, self.size), {"blur": amounts})
