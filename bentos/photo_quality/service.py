"""Photo quality as a service of its own."""

from bentos.model_service import model_service
from serving.photos.quality.task import PHOTO_QUALITY

Service = model_service(PHOTO_QUALITY)
