"""On whose behalf a model is asked."""

from dataclasses import dataclass
from uuid import UUID

from serving.models.routing import routing_key


@dataclass(frozen=True)
class Asker:
    """Who asks, and what about: by this a version is chosen, and this is kept beside the answer.

    Attributes
    ----------
    client : whose key was sent
    photo : the key or address that the caller named; None: it sent the bytes
    content_sha256 : of the file, where models are asked about a part of it
    """

    client: str = ""
    listing_id: str | None = None
    job_id: UUID | None = None
    photo: str | None = None
    content_sha256: str = ""

    def key(self, source_sha256: str = "") -> str:
        """Return what a photo, or a track, is routed by."""
        return routing_key(self.listing_id, self.content_sha256 or source_sha256)


NOBODY = Asker()
