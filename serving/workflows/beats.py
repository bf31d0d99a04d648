"""The versions of the beat tracker that a job asks from its first attempt to its last."""

import hashlib

from serving.audio.beat_tracker import BEAT_TRACKER
from serving.errors import ModelUnavailable
from serving.models.asker import Asker
from serving.models.beats import BeatTrackers, route_beats
from serving.workflows.run import Run


def pin_beats(run: Run, track: str, data: bytes) -> BeatTrackers:
    """Return the job's beat trackers for a track; ModelUnavailable if there is none."""
    model, parts, job = run.pin_route(BEAT_TRACKER), run.parts, run.job
    sha256 = hashlib.sha256(data).hexdigest()
    asker = Asker(job.client, job.listing_id, job.id, track, sha256)
    return route_beats(parts.predictor, parts.router, parts.storage, model, asker)


def pin_beats_if_any(run: Run, track: str, data: bytes) -> BeatTrackers | None:
    """Return the job's beat trackers; None on the last attempt, where still no model answers."""
    try:
        return pin_beats(run, track, data)
    except ModelUnavailable as error:
        if not run.should_give_up(error):
            raise
        return None
