"""The upscaler as a service of its own."""

from bentos.model_service import model_service
from serving.perception.upscale import UPSCALER

Service = model_service(UPSCALER)
