"""What a photo of a room shows, before anything is done to it; or why nothing will be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.encoded import Encoded
from serving.errors import StudioError
from serving.image import Image, PhotoFile
from serving.models.large_answers import load_stored
from serving.models.pinned import PinnedModel
from serving.models.predictor import Prediction
from serving.perception.refine import refine_mask
from serving.perception.segment import SEGMENTER, SegmentAnswer
from serving.photos.classify import ROOM_CLASSIFIER
from serving.requests.staging import StagedRoom, StagePhoto
from serving.staging.carry import WORK_PIXELS, work_copy
from serving.staging.geometry.doubts import REFUSALS
from serving.staging.geometry.find import find_room
from serving.staging.room import Room
from serving.staging.same_room import RoomPhoto
from serving.workflows.run import Run

Ids = NDArray[np.uint8]
_ROOM_OF: dict[str, StagedRoom] = {
    "living_room": "living_room", "bedroom": "bedroom", "dining_room": "dining_room",
    "office": "office", "kitchen": "kitchen",
}  # fmt: skip


@dataclass(frozen=True)
class Untouched:
    """A photo that is left as it came.

    Attributes
    ----------
    code : for programs
    detail : for people
    """

    code: str
    detail: str


@dataclass(frozen=True, eq=False)
class Look:
    """What a photo of a room shows.

    Attributes
    ----------
    sha256 : of the file
    room_id : of the room that it was said to show
    packed : `ids`, encoded: a job's photos are all looked at before the first is worked on
    room : seen by a camera of that copy's size
    """

    number: int
    name: str
    sha256: str
    room_id: str | None
    room_type: StagedRoom
    packed: Encoded
    room: Room

    @property
    def ids(self) -> Ids:
        """The map of the copy that is worked on, uint8 (rows, columns), ids of `CLASSES`."""
        return self.packed.array()

    @property
    def room_photo(self) -> RoomPhoto:
        """What is known of the room that it shows."""
        return RoomPhoto(self.number, self.room_type, self.room_id)

    def read(self, run: Run) -> PhotoFile:
        """Return the photo's file, read anew: nothing holds the photos of a whole job."""
        return PhotoFile(run.read(self.name), run.parts.settings.max_pixels, self.sha256)


def pixels_of(photo: PhotoFile) -> Image:
    """Return the copy of a photo that is worked on; its own pixels if it is small."""
    height, width = photo.size
    least = round(min(height, width) * (WORK_PIXELS / (height * width)) ** 0.5)
    return work_copy(photo.pixels(least if height * width > WORK_PIXELS else 0))


def look_at(
    run: Run, asked: StagePhoto, number: int, segmenter: PinnedModel, rooms: PinnedModel | None
) -> Look | Untouched:
    """Return what a photo shows.

    Raises
    ------
    BadInput
        If it cannot be read. ModelUnavailable or ModelFailed if what it shows cannot be told.
    """
    photo = PhotoFile(run.read(asked.photo), run.parts.settings.max_pixels)
    try:
        room_type = asked.room_type or _room_type(run, photo, rooms, asked.photo)
        if isinstance(room_type, Untouched):
            return room_type
        said = _ask(run, photo, segmenter, asked.photo)
        pixels = pixels_of(photo)
        ids = refine_mask(said.map.array(), pixels)
        room = find_room(pixels, ids).room
    finally:
        photo.release()
    for code, detail in room.doubts.items():
        if code in REFUSALS:
            return Untouched(code, detail)
    packed = Encoded.of_map(ids)
    return Look(number, asked.photo, photo.sha256, asked.room_id, room_type, packed, room)


def _ask(run: Run, photo: PhotoFile, segmenter: PinnedModel, name: str) -> SegmentAnswer:
    said = run.ask(SEGMENTER, photo, segmenter, name)
    if isinstance(said, StudioError):
        raise said
    answer: SegmentAnswer = load_stored(said.answer, run.parts.storage)
    return answer


def _room_type(
    run: Run, photo: PhotoFile, rooms: PinnedModel | None, name: str
) -> StagedRoom | Untouched:
    """Return the type of room that a photo shows, of those that can be staged."""
    if rooms is None:
        return Untouched("unknown_room", "no model tells what room it is: say `room_type`")
    said = run.ask(ROOM_CLASSIFIER, photo, rooms, name)
    if not isinstance(said, Prediction):
        raise said
    found = _ROOM_OF.get(said.answer.room_type)
    if found is None:
        shown = said.answer.room_type.replace("_", " ")
        return Untouched("no_such_room", f"it shows: {shown}; no kit furnishes that")
    return found
