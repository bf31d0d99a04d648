"""The version of the beat tracker that a job asks from its first attempt to its last."""

from serving.audio.beat_tracker import BEAT_TRACKER
from serving.errors import ModelUnavailable
from serving.models.beats import PredictedBeats
from serving.workflows.run import Run


def pin_beats(run: Run) -> PredictedBeats:
    """Return the job's beat tracker; ModelUnavailable if there is none."""
    version = run.pin_model(BEAT_TRACKER)
    return PredictedBeats(run.parts.predictor, version, run.parts.storage)


def pin_beats_if_any(run: Run) -> PredictedBeats | None:
    """Return the job's beat tracker; None on the last attempt, where still no model answers."""
    try:
        return pin_beats(run)
    except ModelUnavailable as error:
        if not run.should_give_up(error):
            raise
        return None
