"""`crop_photos`: where to look in each photo of a job, and how to crop it."""

from serving import traces
from serving.db.tables import Json
from serving.errors import ModelUnavailable, StudioError
from serving.image import PhotoFile
from serving.logs import ContextThreads
from serving.models.crop_results import CropResult
from serving.models.cropping import TASKS, Outcome, Seen, Wanted, crop_seen, look_at
from serving.models.pinned import PinnedModel
from serving.models.results import FailedResult
from serving.perception.saliency import SALIENCY
from serving.photos.crop.ratios import read_ratios
from serving.problems import problem_of
from serving.requests.crop import CropInput
from serving.tasks import AnyTask
from serving.workflows.run import Run

_AT_ONCE = 2  # most of it is inference, which takes the cores anyway
_Models = dict[str, PinnedModel | None]


def crop_photos(run: Run) -> Json:
    """Crop `input["photos"]`: keys or URLs; a photo that cannot be read fails alone."""
    request = run.input_as(CropInput)
    wanted = Wanted(read_ratios(request.ratios), (request.min_height, request.min_width))
    models: _Models = {task.name: run.pin_if_any(task) for task in TASKS}
    models[SALIENCY.name] = run.pin_route(SALIENCY)
    results: list[Json] = []
    with (
        traces.span("stage crop", photos=len(request.photos)),
        ContextThreads(_AT_ONCE, thread_name_prefix="crop") as pool,
    ):
        crops = [pool.submit(_crop, run, name, models, wanted) for name in request.photos]
        try:
            for crop in crops:
                results.append(crop.result().model_dump(mode="json"))
                run.report_progress(len(results), len(crops), "photos")
        finally:
            for crop in crops:
                crop.cancel()
    return {"results": results}


def _crop(run: Run, name: str, models: _Models, wanted: Wanted) -> CropResult | FailedResult:
    def crop() -> CropResult:
        photo = PhotoFile(run.read(name), run.parts.settings.max_pixels)
        look = look_at(photo)
        said = [_ask(run, task, photo, models[task.name], name) for task in TASKS]
        return crop_seen(name, Seen(photo.size, look, said), wanted, run.parts.storage)[0]

    run.check()
    made = run.failing_alone(crop)
    if isinstance(made, StudioError):
        return FailedResult(photo=name, error=problem_of(made))
    return made


def _ask(
    run: Run, task: AnyTask, photo: PhotoFile, model: PinnedModel | None, name: str
) -> Outcome:
    if model is None:
        return ModelUnavailable(task.name, "no model is published")
    return run.ask(task, photo, model, name)
