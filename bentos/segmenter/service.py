"""The segmenter as a service of its own."""

from bentos.model_service import model_service
from serving.perception.segment import SEGMENTER

Service = model_service(SEGMENTER)
