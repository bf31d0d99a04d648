"""A photo's bytes, wherever the backend keeps it."""

from serving.settings import Settings
from serving.storage.fetch import FetchRules, fetch
from serving.storage.interface import Storage, key_of


def read_photo(reference: str, storage: Storage, settings: Settings) -> bytes:
    """Return a photo's bytes: of a key or URL in our storage, or of a URL that is allowed.

    Raises
    ------
    BadInput
        If there is no such photo, or it may not be had from there.
    StorageUnavailable, DownloadFailed
        If it cannot be had now.
    """
    if "://" in reference and not reference.startswith(f"{storage.url}/"):
        return fetch(reference, FetchRules.of(settings))
    return storage.read(key_of(storage, reference), settings.max_body_bytes)
