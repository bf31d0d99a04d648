"""The saliency model as a service of its own."""

from bentos.model_service import model_service
from serving.perception.saliency import SALIENCY

Service = model_service(SALIENCY)
