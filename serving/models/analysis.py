"""From what all models say of a photo to one analysis of it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import Boxes
from serving.errors import StudioError
from serving.image import Image, PhotoFile
from serving.models.analysis_results import (
    AnalysisResult,
    DetectionResult,
    MapResult,
    MissingTag,
    SegmentationResult,
    TagResult,
    TagsResult,
)
from serving.models.large_answers import load_stored
from serving.models.predictor import Prediction, or_raise
from serving.models.privacy import PrivateResult, find_areas
from serving.models.results import FocusResult, ModelUsed, RoomResult
from serving.perception.detect import DETECTOR, DetectAnswer
from serving.perception.layers import draw_classes, draw_salient
from serving.perception.saliency import SALIENCY, SaliencyAnswer
from serving.perception.segment import SEGMENTER, SegmentAnswer
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.crop.crop import focus_points
from serving.photos.crop.importance import make_scene, things_of
from serving.photos.privacy.find import PrivateArea
from serving.photos.quality.task import PHOTO_QUALITY
from serving.photos.tags.facts import Facts, Surfaces, Things
from serving.photos.tags.measures import look_side, measure_surfaces, shrink
from serving.photos.tags.tags import TagAnswer, find_tags
from serving.storage.interface import Storage
from serving.tasks import AnyTask

Outcome = Prediction[Any] | StudioError

# the first must answer; of each of the others the analysis says that it did not
TASKS: tuple[AnyTask, ...] = (ROOM_CLASSIFIER, PHOTO_QUALITY, SEGMENTER, DETECTOR, SALIENCY)


@dataclass(frozen=True)
class Seen:
    """A photo, and what each task's model said of it.

    Attributes
    ----------
    name : of the photo, as it was asked
    size : of the upright photo, (height, width)
    look : a small picture of it, for measures
    said : by the task's name; whatever is missing was not asked
    private : faces and number plates; None: no detector looked for who and what has them
    """

    name: str
    size: tuple[int, int]
    look: Image
    said: Mapping[str, Outcome]
    private: Sequence[PrivateArea] | None = None

    def answer(self, task: AnyTask) -> Prediction[Any] | None:
        """Return the prediction of a task; None where there is none."""
        found = self.said.get(task.name)
        return found if isinstance(found, Prediction) else None


@dataclass(frozen=True)
class Layers:
    """Maps of a photo as PNG, to be laid over it; None where no model drew one."""

    segmentation: bytes | None
    saliency: bytes | None


@dataclass(frozen=True)
class Analysis:
    """What an analysis says, and its maps."""

    result: AnalysisResult
    layers: Layers


def look_at(photo: PhotoFile) -> Image:
    """Return the small picture that is measured; BadImage if the photo cannot be read."""
    height, width = photo.size
    return shrink(photo.pixels(look_side(width, height)))


def find_private_areas(photo: PhotoFile, said: Outcome | None) -> Sequence[PrivateArea] | None:
    """Return faces and number plates; None where no detector answered. BadImage as `look_at`."""
    return find_areas(photo, said.answer) if isinstance(said, Prediction) else None


def analyse(seen: Seen, storage: Storage, took_ms: float) -> Analysis:
    """Put together what is known of a photo.

    Parameters
    ----------
    storage : where large answers lie
    took_ms : that decoding and inference took

    Raises
    ------
    StudioError
        The photo cannot be read, or no model says which room it shows.
    """
    room = or_raise(seen.said[ROOM_CLASSIFIER.name])
    quality = seen.said.get(PHOTO_QUALITY.name)
    basis = RoomResult.of(seen.name, room, took_ms, quality)
    surfaces = _surfaces(seen, storage)
    salient = _salient(seen, storage)
    things = seen.answer(DETECTOR)
    answered = [one for one in seen.said.values() if isinstance(one, Prediction)]
    result = AnalysisResult(
        **vars(basis) | {"demo": any(one.demo for one in answered)},
        width=seen.size[1],
        height=seen.size[0],
        tags=_tags_result(find_tags(_facts(seen, room, surfaces))),
        segmentation=_segmentation(surfaces),
        detections=[DetectionResult.of(b) for b in things.answer.boxes] if things else None,
        private=None if seen.private is None else [PrivateResult.of(a) for a in seen.private],
        focus=_focus(seen.size, salient, things.answer if things else None),
        models=[ModelUsed.of(one) for one in answered],
        missing={n: _why(e) for n, e in seen.said.items() if isinstance(e, StudioError)},
    )
    drawn = draw_classes(surfaces.ids) if surfaces else None
    return Analysis(result, Layers(drawn, None if salient is None else draw_salient(salient)))


def within(png: bytes) -> MapResult:
    """Return a map as an answer brings it at once."""
    return MapResult(data=base64.b64encode(png).decode())


def _why(error: StudioError) -> str:
    return str(getattr(error, "reason", "")) or str(error) or type(error).__name__


def _facts(seen: Seen, room: Prediction[Any], surfaces: Surfaces | None) -> Facts:
    measures = measure_surfaces(seen.look, surfaces) if surfaces else {}
    things = _things(seen.answer(DETECTOR))
    return Facts(seen.size, room.answer.scores, things, surfaces, measures)


def _things(said: Prediction[DetectAnswer] | None) -> Things | None:
    """Return what was found; what a network is told not to answer it does not know."""
    if said is None or said.card is None:
        return None
    stated = said.card.output_as(Boxes)
    known = {label.name for label in stated.labels} - set(stated.unsaid)
    return Things(said.answer.boxes, frozenset(known))


def _surfaces(seen: Seen, storage: Storage) -> Surfaces | None:
    said = seen.answer(SEGMENTER)
    if said is None:
        return None
    answer: SegmentAnswer = load_stored(said.answer, storage)
    return Surfaces(answer.map.array(), answer.classes, answer.shares)


def _salient(seen: Seen, storage: Storage) -> NDArray[np.uint8] | None:
    said = seen.answer(SALIENCY)
    if said is None:
        return None
    answer: SaliencyAnswer = load_stored(said.answer, storage)
    return np.asarray(answer.map.array(), np.uint8)


def _segmentation(surfaces: Surfaces | None) -> SegmentationResult | None:
    if surfaces is None:
        return None
    return SegmentationResult(shares=dict(surfaces.shares), classes=list(surfaces.classes))


def _focus(
    size: tuple[int, int], salient: NDArray[np.uint8] | None, things: DetectAnswer | None
) -> list[FocusResult] | None:
    if salient is None:
        return None
    scene = make_scene(salient, size, things_of(things) if things else ())
    return [FocusResult.of(point) for point in focus_points(scene)]


def _tags_result(answer: TagAnswer) -> TagsResult:
    return TagsResult(
        present=[TagResult.of(tag) for tag in answer.tags],
        absent=list(answer.absent),
        unavailable=[MissingTag.of(one) for one in answer.unavailable],
    )
