"""From what models say of a photo to its focus points and crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.errors import StudioError
from serving.image import Image, PhotoFile
from serving.models.crop_results import CropResult
from serving.models.large_answers import load_stored
from serving.models.predictor import Prediction, or_raise
from serving.models.results import ModelUsed
from serving.perception.detect import DETECTOR, DetectAnswer
from serving.perception.saliency import SALIENCY, SaliencyAnswer
from serving.perception.segment import SEGMENTER, SegmentAnswer
from serving.photos.crop.crop import CropAnswer, crop_photo
from serving.photos.crop.importance import Scene, is_backdrop, make_scene, things_of
from serving.photos.crop.perspective import LOOKED_AT, find_perspective
from serving.photos.crop.ratios import Ratio
from serving.storage.interface import Storage
from serving.tasks import AnyTask

Outcome = Prediction[Any] | StudioError

# the first must answer; what the others tell is used where they do
TASKS: tuple[AnyTask, ...] = (SALIENCY, DETECTOR, SEGMENTER)


@dataclass(frozen=True)
class Seen:
    """A photo, and what is known of it.

    Attributes
    ----------
    size : of the upright photo, (height, width)
    look : a small picture of it, for its lines
    said : of each of TASKS, in their order
    """

    size: tuple[int, int]
    look: Image
    said: Sequence[Outcome]


@dataclass(frozen=True)
class Wanted:
    """Which crops are asked for.

    Attributes
    ----------
    least : (height, width) in pixels that each is to have
    """

    ratios: Sequence[Ratio]
    least: tuple[int, int] = (1, 1)


def look_at(photo: PhotoFile) -> Image:
    """Return the picture in which lines are looked for; BadImage if the photo cannot be read."""
    return photo.pixels(min_side=LOOKED_AT)


def crop_seen(
    name: str, seen: Seen, wanted: Wanted, storage: Storage
) -> tuple[CropResult, CropAnswer]:
    """Return crops of a photo as an answer says them, and as values.

    Parameters
    ----------
    name : of the photo, as it was asked
    storage : where large answers lie

    Raises
    ------
    StudioError
        The photo cannot be read, or no model says what is salient.
    """
    answer = crop_photo(_scene(seen, storage), wanted.ratios, wanted.least)
    used = [one for one in seen.said if isinstance(one, Prediction)]
    models = [ModelUsed.of(one) for one in used]
    return CropResult.of(name, answer, models, any(one.demo for one in used)), answer


def _scene(seen: Seen, storage: Storage) -> Scene:
    salient: SaliencyAnswer = load_stored(or_raise(seen.said[0]).answer, storage)
    found, map_ = (one.answer if isinstance(one, Prediction) else None for one in seen.said[1:])
    things: DetectAnswer | None = found
    surfaces: SegmentAnswer | None = load_stored(map_, storage) if map_ is not None else None
    return make_scene(
        np.asarray(salient.map.array(), np.uint8),
        seen.size,
        things_of(things) if things is not None else (),
        backdrop=is_backdrop(surfaces) if surfaces is not None else None,
        perspective=find_perspective(seen.look, seen.size),
    )
