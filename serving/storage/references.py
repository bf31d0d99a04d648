"""The bytes that a request names, wherever the backend keeps them."""

from serving.settings import Settings
from serving.storage.fetch import FetchRules, fetch
from serving.storage.interface import Storage, key_of


def is_external(reference: str, storage: Storage) -> bool:
    """Say whether it is a URL of somewhere else than our storage."""
    return "://" in reference and not reference.startswith(f"{storage.url}/")


def read_reference(
    reference: str, storage: Storage, settings: Settings, max_bytes: int | None = None
) -> bytes:
    """Return what lies under a key or URL of our storage, or at a URL that is allowed.

    Parameters
    ----------
    max_bytes : by default what a photo may have

    Raises
    ------
    BadInput
        If there is nothing, too much, or it may not be had from there.
    StorageUnavailable, DownloadFailed
        If it cannot be had now.
    """
    if is_external(reference, storage):
        return fetch(reference, FetchRules.of(settings))
    return storage.read(key_of(storage, reference), max_bytes or settings.max_body_bytes)
