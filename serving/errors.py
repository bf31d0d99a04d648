"""The errors that a caller may want to distinguish.

StudioError
├── BadInput               what was sent is wrong; sending it again will not help
│   ├── BadImage           the bytes are not a picture we can read
│   ├── BadAsset           a file of a design kit is no mesh or picture that a room can be given
│   ├── TooLarge           more bytes, pixels or items than we accept
│   ├── ObjectNotFound     the storage holds nothing under that key
│   ├── UrlRefused         a URL that we do not download from
│   ├── UnknownJob         this client has no such job
│   ├── UnknownUpload      this client has no such upload
│   ├── UnknownErasure     this client asked for no such erasure
│   ├── UnknownKit         this client has no such design kit, nor has this release
│   ├── UnknownAsset       the kit was sent no such mesh or picture
│   ├── KitBuiltIn         a design kit of this release, which nobody changes
│   ├── KitChanged         the design kit has another version than the one that was to be changed
│   ├── UnknownTask        nothing here is called so that a model could do
│   ├── NothingToRollBack  the slot does not hold that version, or there is no version before it
│   ├── UploadInUse        a job that has not ended names this upload
│   ├── OffsetConflict     a part of an upload does not begin where the last one ended
│   ├── DigestMismatch     what arrived is not what the sender's checksum says
│   ├── QuotaExceeded      this client keeps as much as it may
│   └── KeyReused          an Idempotency-Key came again with another request
├── Busy                   more than can be taken now; trying later will help
│   ├── TooManyRequests    this client asks too often
│   │   └── TooManyStreams this client watches too many jobs at once
│   ├── Overloaded         this process works on as much as it can, or waits for what is slow
│   └── QueueFull          too much is waiting already
├── JobStopped             a running attempt is to end
│   ├── Cancelled          somebody cancelled the job
│   ├── Overtaken          another attempt has the job now
│   └── HandedBack         this worker is going down
├── NotAllowed             the key is missing, unknown or revoked
├── NotPermitted           the key is known, and its client may not do this
├── NotReady               the process cannot do its work yet; a balancer asks again
├── ModelUnavailable       no model answers to that task; trying later may help
├── ModelFailed            the model broke on this input
│   ├── NotFinite          it answered with numbers that are none
│   └── OutOfMemory        the GPU has no room for this batch; a smaller one, or the CPU, may do
├── FaultyOutput           what was made did not pass its check; nobody is given it
├── Corrupted              what was read is not what was written
├── StorageUnavailable     the storage does not answer; trying later may help
├── StorageFull            no room on a disk; trying later may help
└── DownloadFailed         the other side of a URL does not answer; trying later may help
"""

from collections.abc import Mapping, Sequence


class StudioError(Exception):
    """Base of every error this project raises on purpose."""


class BadInput(StudioError):
    """The caller sent something that can never work."""


class BadImage(BadInput):
    """The bytes are not a picture that can be read."""


class BadAsset(BadInput):
    """The file is no mesh or picture that a design kit can have."""


class TooLarge(BadInput):
    """The caller sent more than is accepted."""

    def __init__(self, what: str, size: float, limit: float) -> None:
        super().__init__(f"{what}: {size:,.0f} is more than the limit of {limit:,.0f}")
        self.size, self.limit = size, limit


class ObjectNotFound(BadInput):
    """The storage holds nothing under that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"nothing is stored under '{key}'")
        self.key = key


class UrlRefused(BadInput):
    """The URL leads to somewhere that we do not download from."""


class UnknownJob(BadInput):
    """The client has no job of that id."""

    def __init__(self, job_id: object) -> None:
        super().__init__(f"there is no job '{job_id}'")


class UnknownTask(BadInput):
    """There is no task of that name."""

    def __init__(self, task: str) -> None:
        super().__init__(f"there is no task '{task}'")


class UnknownKit(BadInput):
    """The client has no design kit of that name and version, nor has this release."""

    def __init__(self, kit_id: str, version: int | None = None) -> None:
        of = "" if version is None else f" in version {version}"
        super().__init__(f"there is no design kit '{kit_id}'{of}")


class UnknownAsset(BadInput):
    """The client sent no asset of that name for the design kit."""

    def __init__(self, kit_id: str, name: str) -> None:
        super().__init__(f"the design kit '{kit_id}' has no asset '{name}'")


class KitBuiltIn(BadInput):
    """The design kit comes with this release."""

    def __init__(self, kit_id: str) -> None:
        super().__init__(f"'{kit_id}' comes with this release; give your kit another name")


class KitChanged(BadInput):
    """The design kit has another version than the one that was to be changed."""

    def __init__(self, kit_id: str, version: int) -> None:
        super().__init__(f"'{kit_id}' has version {version} now; read it and change that")


class NothingToRollBack(BadInput):
    """The slot does not hold the version, or no version is known that could answer instead."""


class UnknownUpload(BadInput):
    """The client has no upload of that id."""

    def __init__(self, upload_id: object) -> None:
        super().__init__(f"there is no upload '{upload_id}'")


class UnknownPhoto(BadInput):
    """Nothing is known of an answer about that photo."""

    def __init__(self, task: str, photo: str) -> None:
        super().__init__(f"no answer of '{task}' about the photo '{photo[:200]}' is known")


class UnknownErasure(BadInput):
    """The client asked for no erasure of that id."""

    def __init__(self, erasure_id: object) -> None:
        super().__init__(f"there is no erasure '{erasure_id}'")


class UploadInUse(BadInput):
    """A job that has not ended names the upload."""

    def __init__(self, upload_id: object, job_id: object) -> None:
        super().__init__(f"job '{job_id}' needs upload '{upload_id}'; cancel it first")


class OffsetConflict(BadInput):
    """A part of an upload does not begin where the last one ended."""

    def __init__(self, offset: int, received: int) -> None:
        super().__init__(f"the part begins at {offset:,}, but {received:,} bytes are there")


class DigestMismatch(BadInput):
    """What arrived is not what the sender's checksum says."""


class QuotaExceeded(BadInput):
    """The client keeps as much as it may; what it deletes makes room."""


class KeyReused(BadInput):
    """An Idempotency-Key came again with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the Idempotency-Key '{key}' was used for another request; send a new one"
        )


class Busy(StudioError):
    """More than can be taken now."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(f"{reason}; try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class TooManyRequests(Busy):
    """The client asks too often."""


class TooManyStreams(TooManyRequests):
    """The client, or who holds links to a job, follows too many jobs at once."""


class Overloaded(Busy):
    """The process works on as much as it can, or all that may wait for something slow do."""


class QueueFull(Busy):
    """Too much is waiting already."""


class JobStopped(StudioError):
    """A running attempt is to end; what it has made so far stays."""


class Cancelled(JobStopped):
    """Somebody cancelled the job."""


class Overtaken(JobStopped):
    """Another attempt has the job now; this one may write nothing."""


class HandedBack(JobStopped):
    """The worker is going down; another takes the job."""


class NotAllowed(StudioError):
    """The API key is missing, unknown or revoked."""


class NotPermitted(StudioError):
    """The API key is known, and its client may not do this."""


class NotReady(StudioError):
    """Something that the process cannot do without is not there yet, or not at the moment."""


class ModelUnavailable(StudioError):
    """No model answers to that task; trying later may help."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__(f"no model for '{task}': {reason}")
        self.task, self.reason = task, reason


class ModelFailed(StudioError):
    """The model broke on this input; others in the same batch may be well."""


class NotFinite(ModelFailed):
    """The model answered with NaN or infinity."""


class OutOfMemory(ModelFailed):
    """The GPU has no room for this batch."""


class FaultyOutput(StudioError):
    """What was made did not pass its check.

    Parameters
    ----------
    findings : what is wrong, as the backend is told
    shown : the key of a picture of it
    """

    def __init__(
        self, reason: str, findings: Sequence[Mapping[str, object]], shown: str | None = None
    ) -> None:
        super().__init__(reason)
        self.findings, self.shown = [dict(finding) for finding in findings], shown


class Corrupted(StudioError):
    """What was read differs from what was written, by its SHA-256."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"{what} has SHA-256 {actual[:12]}… where {expected[:12]}… was expected")


class StorageUnavailable(StudioError):
    """The storage did not answer, after retries; trying later may help."""


class StorageFull(StudioError):
    """No room is left; nothing half-written stays. Trying later may help, once there is room."""


class DownloadFailed(StudioError):
    """A URL's server did not answer, broke off or is overloaded; trying later may help."""


def first_line(error: Exception) -> str:
    """Return what an error says first: a driver's errors go on for many lines."""
    return str(error).partition("\n")[0]
