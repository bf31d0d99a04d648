"""Every model that this project trains or takes in; a new one is a line here."""

from typing import Any

from training.beat_tracker.recipe import BEATS
from training.depth.recipe import DEPTHS
from training.detector.recipe import DETECTION
from training.photo_finisher.recipe import FINISHING
from training.photo_quality.recipe import QUALITY
from training.recipe import Recipe
from training.room_classifier.recipe import ROOMS
from training.segmenter.recipe import SEGMENTATION
from training.upscaler.recipe import UPSCALING

RECIPES: tuple[Recipe[Any], ...] = (
    ROOMS,
    QUALITY,
    BEATS,
    SEGMENTATION,
    DETECTION,
    UPSCALING,
    DEPTHS,
    FINISHING,
)
