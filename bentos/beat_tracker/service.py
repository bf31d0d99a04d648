"""The beat tracker as a service of its own."""

from bentos.model_service import model_service
from serving.audio.beat_tracker import BEAT_TRACKER

Service = model_service(BEAT_TRACKER)
