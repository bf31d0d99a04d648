"""From what a detector says of a photo to its faces and number plates."""

from pydantic import BaseModel, Field

from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.models.predictor import Predictor, or_raise
from serving.perception.detect import DETECTOR, DetectAnswer
from serving.photos.enhance.hide import Hiding
from serving.photos.privacy.find import PEOPLE, VEHICLES, Kind, PrivateArea, find_private
from serving.photos.tags.facts import Rectangle

_LOOKED_AT = 1200  # px of the short side: a face across a garden has some pixels then


class PrivateResult(BaseModel):
    """A face, a head or a number plate. Nobody is named, and nothing is compared."""

    kind: Kind = Field(
        description="`head`: of a person whose face was not found", examples=["face"]
    )
    box: Rectangle = Field(
        description="left, top, right, bottom in pixels of the upright photo",
        examples=[(412.0, 300.5, 452.0, 341.0)],
    )

    @classmethod
    def of(cls, area: PrivateArea) -> "PrivateResult":
        """Put an area into the wire's shape."""
        left, top, right, bottom = (round(edge, 1) for edge in area.box)
        return cls(kind=area.kind, box=(left, top, right, bottom))


def find_areas(photo: PhotoFile, found: DetectAnswer) -> tuple[PrivateArea, ...]:
    """Return the faces and number plates of a photo; without people and vehicles it costs nothing.

    Raises
    ------
    BadImage, TooLarge, Busy
        As `serving.image.decode` does.
    """
    shown = [one for one in found.boxes if one.label in PEOPLE | VEHICLES]
    if not shown:
        return ()
    return find_private(photo.pixels(min_side=_LOOKED_AT), photo.size, shown)


def hiding_of(photo: PhotoFile, predictor: Predictor) -> Hiding:
    """Return what is to be hidden of a photo that is asked to show nobody.

    Raises
    ------
    ModelUnavailable
        No detector answers: a photo is never given back as if it had been looked at.
    StudioError
        The photo cannot be read.
    """
    try:
        found = or_raise(predictor.predict(DETECTOR, [photo])[0])
        return Hiding(find_areas(photo, found.answer), photo.size)
    except ModelUnavailable as error:
        raise ModelUnavailable(DETECTOR.name, f"{error.reason}: nobody can be hidden") from error
    finally:
        photo.release()
