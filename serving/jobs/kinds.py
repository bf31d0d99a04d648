"""The kinds of work there are: which queue each waits in, and what the backend hears of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from serving.settings import QUEUES as QUEUES  # who reads settings knows their names

WEBHOOK_QUEUE = "webhook"
JOB_FAILED = "job-failed"
TEST = "test"


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Attributes
    ----------
    completed : the callback that brings the result, `/webhooks/{completed}`
    progress : the callback that tells how far it is; None: only who asks is told
    """

    type: str
    queue: str
    completed: str
    progress: str | None = None


KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("classify_photos", "classify", "classification-complete"),
        Kind("detect_features", "classify", "detection-complete"),
        Kind("enhance_photos", "enhance", "enhancement-complete"),
        Kind("stage_rooms", "stage", "staging-complete", "staging-progress"),
        Kind("analyze_audio", "audio", "audio-complete"),
        Kind("generate_clip", "video", "clip-complete"),
        Kind("render_video", "video", "video-complete", "video-progress"),
    )
}
