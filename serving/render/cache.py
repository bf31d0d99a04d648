"""Where encoded segments are kept between renders."""

import os
import tempfile
from pathlib import Path
from typing import Protocol


class PacketCache(Protocol):
    """Encoded segments by key; safe to use from several threads and processes."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep it, whole or not at all."""
        ...


class NoCache:
    """Keeps nothing."""

    def get(self, key: str) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    def put(self, key: str, data: bytes) -> None:
        """Do nothing."""


class MemoryCache:
    """Keeps everything, for as long as it lives."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        """Keep it."""
        self.kept[key] = data


class FolderCache:
    """Keeps each segment as a file of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keep it; a rename, so that nobody sees half of it."""
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(name, self._folder / key)
        except OSError:
            os.unlink(name)
            raise
