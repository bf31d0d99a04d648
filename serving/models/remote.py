"""Models behind plain HTTP: the same methods, answered by a model service."""

from collections.abc import Sequence

import httpx
from pydantic import TypeAdapter

from serving.errors import ModelFailed, ModelUnavailable
from serving.image import Image
from serving.models.rooms import TASK, Classified
from serving.models.wire import Pixels, RoomReply

_Request = TypeAdapter(dict[str, list[Pixels]])
_Replies = TypeAdapter(list[RoomReply])


class RemoteRooms:
    """Names rooms by asking the `RoomClassifier` service at `url`; one per thread or process.

    A connection that breaks is tried once more: the service may have restarted.
    """

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        transport = httpx.HTTPTransport(retries=1)
        self._client = httpx.Client(base_url=url, timeout=timeout_s, transport=transport)

    def classify(self, photos: Sequence[Image]) -> list[Classified | ModelFailed]:
        """Answer each photo, in order; one that breaks the model fails alone."""
        body = _Request.dump_json({"photos": [Pixels.of(photo) for photo in photos]})
        try:
            answer = self._client.post(
                "/classify", content=body, headers={"Content-Type": "application/json"}
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelUnavailable(TASK, str(error) or type(error).__name__) from error
        return [reply.result() for reply in _Replies.validate_json(answer.content)]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
