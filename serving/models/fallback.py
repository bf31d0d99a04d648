"""Why a version did not answer, and the champion did instead."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.models.predictor import Prediction


class Reason(StrEnum):
    """Why the champion answered instead.

    Attributes
    ----------
    ERROR : the service broke, or the model did on this photo
    DEADLINE : no answer in time
    BUSY : as many questions are being asked as may be
    OPEN : it failed three times in a row or fell silent, and has not answered since
    UNAVAILABLE : its process does not answer, or has not this version
    STARTING : the same, or no answer in time, before its process has said that it is ready
    STOPPED : its traffic was taken away after a job had begun with it
    NOT_FINITE, NONSENSE : it answered with what is no answer
    WRONG_VERSION : another version answered than was asked
    TOO_LARGE : it answered with more bytes than any answer has
    """

    ERROR = "error"
    DEADLINE = "deadline"
    BUSY = "busy"
    OPEN = "open"
    UNAVAILABLE = "unavailable"
    STARTING = "starting"
    STOPPED = "stopped"
    NOT_FINITE = "not_finite"
    NONSENSE = "nonsense"
    WRONG_VERSION = "wrong_version"
    TOO_LARGE = "too_large"


# it is asked again when nobody waits: how long its model takes then says whether it is slow, and
# only whether it answers at all says whether it fails: a busy host misses callers' deadlines, too
ASKED_AGAIN = frozenset({Reason.DEADLINE, Reason.OPEN, Reason.STARTING})
# these say nothing about the version
NOT_ITS_FAULT = frozenset({Reason.BUSY, Reason.OPEN, Reason.STARTING, Reason.STOPPED})


@dataclass(frozen=True)
class Fallback:
    """That a version did not answer, and why.

    Attributes
    ----------
    seconds : for which was waited
    """

    reason: Reason
    said: str = ""
    seconds: float = 0.0


Said = Prediction[Any] | Fallback


class Broken(Exception):
    """A question that came to nothing."""

    def __init__(self, reason: Reason, said: str = "") -> None:
        super().__init__(said)
        self.reason = reason
