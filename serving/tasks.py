"""Every task that this release knows; a new one is a line here."""

from collections.abc import Mapping
from typing import Any, get_type_hints

from serving.audio.beat_tracker import BEAT_TRACKER
from serving.image import PhotoFile
from serving.perception.depth import DEPTH
from serving.perception.detect import DETECTOR
from serving.perception.saliency import SALIENCY
from serving.perception.segment import SEGMENTER
from serving.perception.upscale import UPSCALER
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.enhance.finish import FINISHER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.task import Task

AnyTask = Task[Any, Any]
_ALL: tuple[AnyTask, ...] = (
    ROOM_CLASSIFIER,
    PHOTO_QUALITY,
    BEAT_TRACKER,
    SEGMENTER,
    DETECTOR,
    SALIENCY,
    UPSCALER,
    DEPTH,
    FINISHER,
)
TASKS: Mapping[str, AnyTask] = {task.name: task for task in _ALL}


def asks_photos(task: AnyTask) -> bool:
    """Say whether a task is asked about photos, whatever arrays it makes of them."""
    return get_type_hints(type(task).prepare).get("source") is PhotoFile
