"""`classify_photos`: which room each photo of a listing shows, and how good it is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from serving import traces
from serving.db.tables import Json
from serving.errors import BadInput, ModelFailed, StudioError
from serving.image import PhotoFile
from serving.logs import ContextThreads
from serving.models.listing import arrange_listing, as_seen
from serving.models.pinned import PinnedModel
from serving.models.predictor import Prediction, or_raise
from serving.models.results import FailedResult, RoomResult
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from serving.problems import problem_of
from serving.workflows.run import Run


@dataclass(frozen=True)
class _Versions:
    """Which versions answer in this job."""

    room: PinnedModel
    quality: PinnedModel | None


_AT_ONCE = 4  # reading waits for storage; decoding and inference share the cores anyway


def classify_photos(run: Run) -> Json:
    """Classify `input["photos"]`: keys or URLs; a photo that cannot be read fails alone.

    What was answered before, by an attempt that died or for another job, is known and costs
    nothing: a retry goes on where it stopped.
    """
    photos: list[str] = run.job.input["photos"]
    versions = _Versions(run.pin_route(ROOM_CLASSIFIER), run.pin_if_any(PHOTO_QUALITY))
    results, seen = [], []
    with traces.span("stage classify", photos=len(photos)):
        for result, quality in _classify_all(run, photos, versions):
            results.append(result.model_dump(mode="json"))
            seen.append(as_seen(result, quality))
            run.report_progress(len(results), len(photos), "photos")
    listing = arrange_listing(seen)
    return {"results": results} | ({"listing": listing.model_dump()} if listing else {})


def _classify_all(
    run: Run, photos: list[str], versions: _Versions
) -> Iterator[tuple[RoomResult | FailedResult, QualityAnswer | None]]:
    with ContextThreads(_AT_ONCE, thread_name_prefix="classify") as pool:
        futures = [pool.submit(_classify, run, photo, versions) for photo in photos]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _classify(
    run: Run, photo: str, versions: _Versions
) -> tuple[RoomResult | FailedResult, QualityAnswer | None]:
    run.check()
    started = time.perf_counter()
    try:
        read = PhotoFile(run.read(photo), run.parts.settings.max_pixels)
        prediction = or_raise(run.ask(ROOM_CLASSIFIER, read, versions.room, photo))
        quality = None
        if versions.quality is not None:
            quality = run.ask(PHOTO_QUALITY, read, versions.quality, photo)
    except (BadInput, ModelFailed) as error:
        return FailedResult(photo=photo, error=problem_of(error)), None
    except StudioError as error:
        if not run.should_give_up(error):
            raise
        return FailedResult(photo=photo, error=problem_of(error)), None
    took_ms = (time.perf_counter() - started) * 1e3
    answer = quality.answer if isinstance(quality, Prediction) else None
    return RoomResult.of(photo, prediction, took_ms, quality), answer
