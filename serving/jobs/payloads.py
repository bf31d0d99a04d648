"""The bodies of callbacks and events: whole while they are small, thin beyond."""

import json

from serving.db.tables import Json

_LONGEST_TEXT = 500
_KEPT_OF_ERRORS = ("title", "detail", "reason", "failures")


def write_body(payload: Json, max_bytes: int) -> str:
    """Return a callback's body in JSON, thin if it would pass `max_bytes`.

    A thin one says `thin`, how large the whole is, how many of everything there are, and where to
    `GET` it; what it leaves out is `result`, and the long parts of `error`. It depends on the
    payload alone, so that every try sends the same.
    """
    body = _compact(payload)
    size = len(body.encode())
    if size <= max_bytes:
        return body
    data: Json = payload["data"]
    thin = {name: value for name, value in data.items() if name not in ("result", "error")}
    thin |= {
        "thin": True,
        "bytes": size,
        "counts": count_items(data.get("result") or {}),
        "url": f"/internal/jobs/{data.get('job_id')}",
    }
    if data.get("error"):
        thin["error"] = shorten_error(data["error"])
    return _compact(payload | {"data": thin})


def count_items(result: Json) -> dict[str, int]:
    """Return how long each list of a result is, and how many entries of it are errors.

    Examples
    --------
    >>> count_items({"results": [{"room_type": "kitchen"}, {"error": {}}], "preview": None})
    {'results': 2, 'errors': 1}
    """
    lists = {name: value for name, value in result.items() if isinstance(value, list)}
    counts = {name: len(value) for name, value in lists.items()}
    found = lists.get("results", [])
    if found:
        counts["errors"] = sum(isinstance(item, dict) and "error" in item for item in found)
    return counts


def shorten_error(error: Json) -> Json:
    """Return what an error says first, without its findings."""
    kept = {name: error[name] for name in _KEPT_OF_ERRORS if name in error}
    return {
        name: value[:_LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in kept.items()
    }


def shorten_event(data: Json, max_bytes: int) -> Json:
    """Return an event's data for a stream: as it is while it is small, else its error's start."""
    if len(_compact(data).encode()) <= max_bytes:
        return data
    error = data.get("error")
    return {"thin": True} | ({"error": shorten_error(error)} if isinstance(error, dict) else {})


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
