"""Models behind plain HTTP: the same methods, answered by a model service."""

import time
from collections.abc import Sequence

import httpx
from pydantic import TypeAdapter, ValidationError

from serving.errors import ModelFailed, ModelUnavailable
from serving.image import Image
from serving.models.rooms import TASK, Classified
from serving.models.wire import Pixels, RoomReply

# how a service says that more is waiting than can be answered in time
TOO_MUCH = (429, 503, 504)

_JSON = {"Content-Type": "application/json"}
_Request = TypeAdapter(dict[str, list[Pixels]])
_Replies = TypeAdapter(list[RoomReply])


class RemoteRooms:
    """Names rooms by asking the `RoomClassifier` service at `url`; one per thread or process.

    A service that begins anew, or has more to do than it can, is asked again, later each time.

    Parameters
    ----------
    waits_s : between the tries
    """

    def __init__(
        self, url: str, timeout_s: float = 30.0, waits_s: Sequence[float] = (0.5, 1.0, 2.0, 4.0)
    ) -> None:
        self._client = httpx.Client(base_url=url, timeout=timeout_s)
        self._waits_s = waits_s

    def classify(self, photos: Sequence[Image]) -> list[Classified | ModelFailed]:
        """Answer each photo, in order; one that breaks the model fails alone."""
        body = _Request.dump_json({"photos": [Pixels.of(photo) for photo in photos]})
        error = "it was not asked"
        for wait_s in (*self._waits_s, None):
            try:
                answer = self._client.post("/classify", content=body, headers=_JSON)
                if answer.status_code not in TOO_MUCH:
                    replies = _Replies.validate_json(answer.raise_for_status().content)
                    return [reply.result() for reply in replies]
                error = f"it has more to do than it can ({answer.status_code})"
            except (httpx.NetworkError, httpx.RemoteProtocolError) as broken:
                error = str(broken) or type(broken).__name__
            except (httpx.HTTPError, ValidationError) as other:
                raise ModelUnavailable(TASK, str(other) or type(other).__name__) from other
            if wait_s is not None:
                time.sleep(wait_s)
        raise ModelUnavailable(TASK, error)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
