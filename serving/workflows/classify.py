"""`classify_photos`: which room each photo of a listing shows."""

import time
from collections.abc import Iterator

from serving import traces
from serving.db.tables import Json
from serving.errors import BadInput, ModelFailed, StudioError
from serving.image import PhotoFile
from serving.logs import ContextThreads
from serving.models.local import ModelVersion
from serving.models.predictor import or_raise
from serving.models.results import FailedResult, RoomResult
from serving.photos.classify import ROOM_CLASSIFIER
from serving.problems import problem_of
from serving.workflows.run import Run

_AT_ONCE = 4  # reading waits for storage; decoding and inference share the cores anyway


def classify_photos(run: Run) -> Json:
    """Classify `input["photos"]`: keys or URLs; a photo that cannot be read fails alone.

    What was answered before, by an attempt that died or for another job, is known and costs
    nothing: a retry goes on where it stopped.
    """
    photos: list[str] = run.job.input["photos"]
    version = run.pin_model(ROOM_CLASSIFIER)
    results = []
    with traces.span("stage classify", photos=len(photos)):
        for result in _classify_all(run, photos, version):
            results.append(result.model_dump(mode="json"))
            run.report_progress(len(results), len(photos), "photos")
    return {"results": results}


def _classify_all(
    run: Run, photos: list[str], version: ModelVersion
) -> Iterator[RoomResult | FailedResult]:
    with ContextThreads(_AT_ONCE, thread_name_prefix="classify") as pool:
        futures = [pool.submit(_classify, run, photo, version) for photo in photos]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _classify(run: Run, photo: str, version: ModelVersion) -> RoomResult | FailedResult:
    run.check()
    started = time.perf_counter()
    try:
        read = PhotoFile(run.read(photo), run.parts.settings.max_pixels)
        prediction = or_raise(run.parts.predictor.predict(ROOM_CLASSIFIER, [read], version)[0])
    except (BadInput, ModelFailed) as error:
        return FailedResult(photo=photo, error=problem_of(error))
    except StudioError as error:
        if not run.should_give_up(error):
            raise
        return FailedResult(photo=photo, error=problem_of(error))
    return RoomResult.of(photo, prediction, (time.perf_counter() - started) * 1e3)
