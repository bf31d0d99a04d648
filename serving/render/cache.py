"""Where encoded segments are kept between renders."""

from typing import Protocol


class PacketCache(Protocol):
    """Encoded segments by key; safe to use from several threads and processes."""

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        ...

    def put(self, key: str, data: bytes, photo: str = "", length_s: float = 0.0) -> None:
        """Keep it, whole or not at all.

        Parameters
        ----------
        photo : what is seen in it, by the film's name for it; "" for sound
        length_s : how long it lasts
        """
        ...


class NoCache:
    """Keeps nothing."""

    def get(self, key: str) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    def put(self, key: str, data: bytes, photo: str = "", length_s: float = 0.0) -> None:
        """Do nothing."""


class MemoryCache:
    """Keeps everything, for as long as it lives."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        return self.kept.get(key)

    def put(
        self,
        key: str,
        data: bytes,
        photo: str = "",  # noqa: ARG002
        length_s: float = 0.0,  # noqa: ARG002
    ) -> None:
        """Keep it."""
        self.kept[key] = data
