"""The kinds of jobs: which queue each waits in, what it makes, and what the backend hears of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serving.storage.prefixes import ANALYSES, ENHANCED, FILMS, STAGED

JOB_FAILED = "job-failed"
TEST = "test"
MODEL_ALERT = "model-alert"


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Attributes
    ----------
    queue : the name of one of `serving.queues.QUEUES`
    completed : the callback that brings the result, `/webhooks/{completed}`; None: nobody asked for
        it from outside, and nobody is called back, however it ends
    told_if : the field of the result without which nobody is called back; None: always
    progress : the callback that tells how far it is; None: only who asks is told
    noun : what it makes, as people call it
    folder : of the object storage, where its files lie by job; None: it makes none
    unit : what its progress counts last, whose end is the job's; None: whatever it counts
    raw_bodies : the path below which a request's body may be a file's bytes; None: always JSON
    """

    type: str
    queue: str
    completed: str | None
    progress: str | None = None
    noun: str = "result"
    folder: str | None = None
    unit: str | None = None
    raw_bodies: str | None = None
    told_if: str | None = None

    def folder_of(self, job_id: object) -> str:
        """Return the folder of what a job of this kind makes, without a slash at its end."""
        if self.folder is None:
            raise ValueError(f"jobs of type {self.type} make no files")
        return f"{self.folder}/{job_id}"


_PHOTOS, _AUDIO = "/internal/photos/", "/internal/audio/"

KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("classify_photos", "classify", "classification-complete", raw_bodies=_PHOTOS),
        Kind(
            "analyze_photos",
            "classify",
            "analysis-complete",
            noun="analysis",
            folder=ANALYSES,
            raw_bodies=_PHOTOS,
        ),
        Kind("crop_photos", "classify", "crop-complete", noun="list of crops", raw_bodies=_PHOTOS),
        Kind("detect_features", "classify", "detection-complete", raw_bodies=_PHOTOS),
        Kind(
            "enhance_photos",
            "enhance",
            "enhancement-complete",
            noun="photo",
            folder=ENHANCED,
            raw_bodies=_PHOTOS,
        ),
        Kind(
            "stage_photos",
            "stage",
            "staging-complete",
            "staging-progress",
            noun="staged photo",
            folder=STAGED,
            unit="steps",
        ),
        Kind("analyze_audio", "audio", "audio-complete", noun="analysis", raw_bodies=_AUDIO),
        Kind("generate_clip", "video", "clip-complete", noun="clip", folder=FILMS, unit="frames"),
        Kind(
            "render_video",
            "video",
            "video-complete",
            "video-progress",
            noun="film",
            folder=FILMS,
            unit="frames",
        ),
        Kind("draw_kit", "stage", None, noun="set of pictures"),
        Kind("recall_version", "recall", None, noun="list of listings"),
        Kind(
            "recall_listing",
            "recall",
            "classification-changed",
            noun="second answer",
            told_if="changed",
        ),
    )
}


def kind_of(type_: str) -> Kind:
    """Return the kind of a job; a plain one where only a newer release knows its type.

    Such jobs lie in the database while a release is brought in, and after it was taken back. Here
    they can be looked at and ended, but not made, and the end that this can be is told.
    """
    return KINDS.get(type_) or Kind(type_, queue=type_, completed=JOB_FAILED)


def kinds_with_files() -> Sequence[Kind]:
    """Return the kinds whose jobs make files."""
    return [kind for kind in KINDS.values() if kind.folder is not None]
