"""The toy task's model as a service of its own: all that a new one takes."""

from bentos.model_service import model_service
from tests.toy_task.task import BRIGHTNESS

Service = model_service(BRIGHTNESS)
