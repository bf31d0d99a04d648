"""The depth model as a service of its own."""

from bentos.model_service import model_service
from serving.perception.depth import DEPTH

Service = model_service(DEPTH)
