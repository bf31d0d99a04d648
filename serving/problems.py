"""What our errors are to those outside: RFC 9457 problems, in answers and in results of jobs."""

from collections.abc import Mapping

from pydantic import BaseModel

from serving.errors import (
    BadInput,
    Busy,
    DownloadFailed,
    KeyReused,
    KitBuiltIn,
    KitChanged,
    ModelUnavailable,
    NotAllowed,
    NothingToRollBack,
    NotPermitted,
    NotReady,
    ObjectNotFound,
    OffsetConflict,
    QuotaExceeded,
    StorageFull,
    StorageUnavailable,
    StudioError,
    TooLarge,
    TooManyRequests,
    UnknownAsset,
    UnknownErasure,
    UnknownJob,
    UnknownKit,
    UnknownPhoto,
    UnknownTask,
    UnknownUpload,
    UploadInUse,
)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


# the first that fits
_STATUS: Mapping[type[StudioError], int] = {
    TooLarge: 413,
    ObjectNotFound: 404,
    UnknownJob: 404,
    UnknownErasure: 404,
    UnknownPhoto: 404,
    UnknownUpload: 404,
    UnknownTask: 404,
    UnknownKit: 404,
    UnknownAsset: 404,
    KitBuiltIn: 409,
    KitChanged: 412,
    NothingToRollBack: 409,
    UploadInUse: 409,
    OffsetConflict: 409,
    QuotaExceeded: 413,
    KeyReused: 422,
    BadInput: 422,
    NotAllowed: 401,
    NotPermitted: 403,
    TooManyRequests: 429,
    Busy: 503,
    NotReady: 503,
    ModelUnavailable: 503,
    StorageUnavailable: 503,
    StorageFull: 507,
    DownloadFailed: 502,
}


def problem_of(error: StudioError) -> Problem:
    """Return the problem; what is ours to mend keeps its detail to the log."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    detail = str(error) if status != 500 else "the model broke on this photo; it was logged"
    return Problem(title=type(error).__name__, status=status, detail=detail)
