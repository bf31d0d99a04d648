"""How S3 is spoken to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class S3Options:
    """How S3 is spoken to.

    Attributes
    ----------
    encryption : server-side; `none` leaves it to how the bucket is set up
    kms_key : for `aws:kms`; None is the account's own key
    multipart_bytes : objects from this size on are sent in parts
    attempts : of every request, and of every object that arrives altered
    """

    encryption: Literal["none", "AES256", "aws:kms"] = "none"
    kms_key: str | None = None
    multipart_bytes: int = 16 * 2**20
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    attempts: int = 4
