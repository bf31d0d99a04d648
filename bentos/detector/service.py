"""The detector as a service of its own."""

from bentos.model_service import model_service
from serving.perception.detect import DETECTOR

Service = model_service(DETECTOR)
