"""The room classifier as a service of its own."""

from bentos.model_service import model_service
from serving.photos.classify import ROOM_CLASSIFIER

Service = model_service(ROOM_CLASSIFIER)
