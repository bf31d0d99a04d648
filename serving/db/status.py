"""The states of jobs and of callbacks, as the tables, the wire and everybody else spell them."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeliveryStatus(StrEnum):
    """Where a callback stands.

    `superseded` by a newer event before it was delivered; `refused` for good by the backend; `dead`
    after its last attempt.
    """

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    DEAD = "dead"


LIVE_JOB = (JobStatus.PENDING, JobStatus.PROCESSING)
ENDED_JOB = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
LIVE_DELIVERY = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
