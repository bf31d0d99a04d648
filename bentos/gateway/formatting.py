"""Names, times and addresses as people read them."""

import json
import re
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit


def describe_reference(reference: str) -> tuple[str, str]:
    """Return a photo's file name, and its key or URL without what may be secret in it.

    Examples
    --------
    >>> describe_reference("https://user:pass@cdn.example/42/my%20bath.jpg?X-Amz-Signature=1")
    ('my bath.jpg', 'https://cdn.example/42/my%20bath.jpg')
    """
    shown = reference
    if "://" in reference:
        try:
            parts = urlsplit(reference)
        except ValueError:
            return "?", "?"
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return PurePosixPath(unquote(parts.path)).name or shown, shown
    return PurePosixPath(reference).name or shown, shown


def readable_name(name: str) -> str:
    """Return a name of ours as people write it.

    Examples
    --------
    >>> readable_name("dining_room"), readable_name("job-failed"), readable_name("DownloadFailed")
    ('dining room', 'job failed', 'Download failed')
    """
    apart = re.sub(r"(?<=[a-z])[A-Z]", lambda found: f" {found.group().lower()}", name)
    return apart.replace("_", " ").replace("-", " ")


def format_duration(seconds: float) -> str:
    """Say how long something took.

    Examples
    --------
    >>> [format_duration(seconds) for seconds in (0.0421, 3.14, 75, 7300, 200_000)]
    ['42 ms', '3.1 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 1:
        return f"{max(0.0, seconds) * 1e3:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for size, name, part_size, part in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            return f"{seconds // size:.0f} {name} {seconds % size // part_size:.0f} {part}"
    raise AssertionError(seconds)


def format_time(at: datetime) -> str:
    """Return a time as people read it, in UTC."""
    return f"{at:%d %b %Y, %H:%M:%S} UTC"


def format_json(value: object) -> str:
    """Return JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
