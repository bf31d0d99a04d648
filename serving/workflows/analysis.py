"""`analyze_photos`: all that is known of each photo of a listing, and of the listing."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from serving import traces
from serving.db.tables import Json
from serving.errors import BadInput, ModelFailed, ModelUnavailable, StudioError
from serving.image import Image, PhotoFile
from serving.logs import ContextThreads
from serving.models.analysis import (
    TASKS,
    Layers,
    Outcome,
    Seen,
    analyse,
    find_private_areas,
    look_at,
)
from serving.models.analysis_results import AnalysisResult, MapResult
from serving.models.listing import Seen as Shown
from serving.models.listing import arrange_listing, as_seen
from serving.models.pinned import PinnedModel
from serving.models.predictor import Prediction
from serving.models.results import FailedResult
from serving.perception.detect import DETECTOR
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.quality.task import PHOTO_QUALITY
from serving.problems import problem_of
from serving.requests.photos import AnalyzeInput
from serving.tasks import AnyTask
from serving.workflows.run import Run

# photos that a model is asked about in one batch; their pixels are in memory together
_BATCH = 4
_AT_ONCE = 2  # batches: decoding and inference share the cores
_Answer = AnalysisResult | FailedResult


def analyze_photos(run: Run) -> Json:
    """Analyse `input["photos"]`: keys or URLs; a photo that cannot be read fails alone.

    Each photo is read once and decoded once for each scale that models need; each model is asked
    about several photos in one batch. What was answered before is known, so that a retry goes on
    where it stopped. Maps are kept as objects, by the place of the photo.
    """
    request = run.input_as(AnalyzeInput)
    models = {task.name: run.pin_if_any(task) for task in TASKS}
    models[ROOM_CLASSIFIER.name] = run.pin_route(ROOM_CLASSIFIER)
    results: list[Json] = []
    shown: list[Shown | None] = []
    with traces.span("stage analyze", photos=len(request.photos)):
        for answer, one in _analyse_all(run, request.photos, models):
            results.append(answer.model_dump(mode="json"))
            shown.append(one)
            run.report_progress(len(results), len(request.photos), "photos")
    listing = arrange_listing(shown)
    return {"results": results} | ({"listing": listing.model_dump()} if listing else {})


@dataclass
class _Photo:
    """A photo of a batch: what was read, and what models said so far; or why there is nothing."""

    number: int
    name: str
    file: PhotoFile | None = None
    look: Image | None = None
    error: StudioError | None = None
    took_s: float = 0.0
    said: dict[str, Outcome] = field(default_factory=dict)


Models = dict[str, PinnedModel | None]


def _analyse_all(
    run: Run, names: Sequence[str], models: Models
) -> Iterator[tuple[_Answer, Shown | None]]:
    numbered = list(enumerate(names))
    batches = [numbered[at : at + _BATCH] for at in range(0, len(numbered), _BATCH)]
    with ContextThreads(_AT_ONCE, thread_name_prefix="analyze") as pool:
        futures = [pool.submit(_analyse_batch, run, batch, models) for batch in batches]
        try:
            for future in futures:
                yield from future.result()
        finally:
            for future in futures:
                future.cancel()


def _analyse_batch(
    run: Run, batch: Sequence[tuple[int, str]], models: Models
) -> list[tuple[_Answer, Shown | None]]:
    photos = [_read(run, number, name) for number, name in batch]
    for task in TASKS:
        _ask(run, task, models[task.name], [photo for photo in photos if photo.file is not None])
    return [_finish(run, photo) for photo in photos]


def _read(run: Run, number: int, name: str) -> _Photo:
    run.check()
    photo, started = _Photo(number, name), time.perf_counter()
    try:
        file = PhotoFile(run.read(name), run.parts.settings.max_pixels)
        photo.look, photo.file = look_at(file), file
    except StudioError as error:
        photo.error = error
    photo.took_s = time.perf_counter() - started
    return photo


def _ask(run: Run, task: AnyTask, model: PinnedModel | None, photos: Sequence[_Photo]) -> None:
    """Ask one model about all photos of a batch."""
    run.check()
    if model is None:
        for photo in photos:
            photo.said[task.name] = ModelUnavailable(task.name, "no model is published")
        return
    if not photos:
        return
    started = time.perf_counter()
    sources = [photo.file for photo in photos if photo.file is not None]
    said = run.ask_all(task, sources, model, [photo.name for photo in photos])
    share_s = (time.perf_counter() - started) / len(photos)
    for photo, outcome in zip(photos, said, strict=True):
        photo.said[task.name] = outcome
        photo.took_s += share_s


def _finish(run: Run, photo: _Photo) -> tuple[_Answer, Shown | None]:
    try:
        if photo.error is not None or photo.file is None or photo.look is None:
            raise photo.error or ModelFailed("nothing was read")
        private = find_private_areas(photo.file, photo.said[DETECTOR.name])
        seen = Seen(photo.name, photo.file.size, photo.look, photo.said, private)
        found = analyse(seen, run.parts.storage, photo.took_s * 1e3)
    except (BadInput, ModelFailed) as error:
        return FailedResult(photo=photo.name, error=problem_of(error)), None
    except StudioError as error:
        if not run.should_give_up(error):
            raise
        return FailedResult(photo=photo.name, error=problem_of(error)), None
    finally:
        if photo.file is not None:
            photo.file.release()
    _keep(run, photo.number, found.layers, found.result)
    quality = photo.said.get(PHOTO_QUALITY.name)
    answer = quality.answer if isinstance(quality, Prediction) else None
    return found.result, as_seen(found.result, answer)


def _keep(run: Run, number: int, layers: Layers, result: AnalysisResult) -> None:
    """Keep the maps as objects, which the job's page lays over the photo."""
    storage = run.parts.storage
    if layers.saliency is not None:
        storage.write(run.key_of(f"{number}.saliency.png"), layers.saliency, "image/png")
    if layers.segmentation is not None and result.segmentation is not None:
        key = run.key_of(f"{number}.segmentation.png")
        storage.write(key, layers.segmentation, "image/png")
        result.segmentation.map = MapResult(key=key)
