"""The photo finisher as a service of its own."""

from bentos.model_service import model_service
from serving.photos.enhance.finish import FINISHER

Service = model_service(FINISHER)
