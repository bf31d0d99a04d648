"""Every task that this release knows; a new one is a line here."""

from collections.abc import Mapping
from typing import Any

from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.task import Task

AnyTask = Task[Any, Any]
TASKS: Mapping[str, AnyTask] = {task.name: task for task in (ROOM_CLASSIFIER, PHOTO_QUALITY)}
