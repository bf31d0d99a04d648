"""`enhance_photos`: a better file of each photo; a small version of it first."""

from collections.abc import Callable
from dataclasses import replace

from serving import traces
from serving.db.tables import Json
from serving.errors import BadInput, ModelUnavailable, StudioError
from serving.image import PhotoFile
from serving.jobs import attempts
from serving.logs import ContextThreads
from serving.models.finishing import curves_of
from serving.models.pinned import PinnedModel
from serving.models.predictor import Prediction, or_raise
from serving.models.privacy import find_areas
from serving.models.upscaling import PredictedUpscaler
from serving.perception.detect import DETECTOR
from serving.perception.upscale import UPSCALER
from serving.photos.enhance.file import (
    EnhancedFile,
    Wanted,
    describe,
    enhance_file,
    enhance_small,
    merge_files,
)
from serving.photos.enhance.finish import FINISHER, Tones
from serving.photos.enhance.hide import Hiding
from serving.photos.enhance.presets import LEARNED
from serving.photos.enhance.upscale import Upscaling
from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from serving.problems import problem_of
from serving.requests.photos import Brackets, EnhanceInput
from serving.workflows.run import Run

_AT_ONCE = 2  # most of it is one thread's work
SUFFIXES = {"image/jpeg": "jpg", "image/heif": "heic"}


def enhance_photos(run: Run) -> Json:
    """Enhance `input["photos"]`, two at a time; memory is handed out by the process's budget.

    A photo that an earlier attempt finished is not worked on again; one that cannot be read fails
    alone.
    """
    request = run.input_as(EnhanceInput)
    model, results = _pin(run), []
    with (
        traces.span("stage enhance", photos=len(request.photos)),
        ContextThreads(_AT_ONCE, thread_name_prefix="enhance") as pool,
    ):
        photos = enumerate(request.photos)
        futures = [pool.submit(_Photo(run, request, n, model).result, photo) for n, photo in photos]
        try:
            for future in futures:
                results.append(future.result())
                run.report_progress(len(results), len(futures), "photos")
        finally:
            for future in futures:
                future.cancel()
    return {"results": results}


def _pin(run: Run) -> PinnedModel | None:
    """Return the version that judges the photos; None while there is none."""
    try:
        return run.pin_route(PHOTO_QUALITY)
    except ModelUnavailable:
        return None


def _upscaling(run: Run, request: EnhanceInput) -> Upscaling | None:
    """Return by whom photos are enlarged: by one version, from the first to the last.

    Raises
    ------
    ModelUnavailable
        It is asked for, and no model answers.
    """
    if request.upscale is None:
        return None
    parts = run.parts
    model = PredictedUpscaler(parts.predictor, run.pin_model(UPSCALER), parts.storage, run.check)
    return Upscaling(request.upscale, model, parts.settings.max_pixels)


class _Photo:
    """One photo of the job."""

    def __init__(
        self, run: Run, request: EnhanceInput, number: int, model: PinnedModel | None
    ) -> None:
        self._run, self._number, self._model = run, number, model
        self._detector = run.pin_route(DETECTOR) if request.privacy else None
        self._finisher = run.pin_route(FINISHER) if request.preset == LEARNED else None
        self._max_pixels = run.parts.settings.max_pixels
        self._wanted = Wanted(
            request.preset, request.format, request.quality, request.remove_gps,
            _upscaling(run, request),
        )  # fmt: skip

    def result(self, photo: str | Brackets) -> Json:
        """Return what became of it; of an attempt before, if that is known."""
        told: Json = {"photo": photo if isinstance(photo, str) else photo.photo}
        note, run = f"{self._number}.json", self._run
        made = run.failing_alone(lambda: run.once(note, lambda: told | self._make(photo)))
        if isinstance(made, StudioError):
            return told | {"error": problem_of(made).model_dump(mode="json")}
        return made

    def _make(self, photo: str | Brackets) -> Json:
        self._run.check()
        if isinstance(photo, Brackets):
            if self._detector is not None:
                raise BadInput("faces are hidden in single photos, not in brackets: merge first")
            files = [self._read(name) for name in (photo.photo, *photo.brackets)]
            made = merge_files(files, self._wanted, self._max_pixels)
            return self._keep(made, None) | {"merged": len(files)}
        file = self._read(photo)
        judge = self._judge(photo)
        before = judge(file)
        file.release()
        wanted = replace(
            self._wanted, hiding=self._hiding(photo, file), curves=self._curves(photo, file)
        )
        small = enhance_small(file, wanted, self._max_pixels, before)
        preview = self._run.key_of(f"preview/{self._number}.jpg")
        self._run.parts.storage.write(preview, small, "image/jpeg")
        seen: Json = {"photo": photo, "number": self._number, "preview": preview}
        attempts.tell(self._run.parts.engine, self._run.job, "preview", seen)
        made = enhance_file(file, wanted, judge, self._max_pixels, before)
        return self._keep(made, preview)

    def _hiding(self, name: str, file: PhotoFile) -> Hiding | None:
        if self._detector is None:
            return None
        found = or_raise(self._run.ask(DETECTOR, file, self._detector, name))
        try:
            return Hiding(find_areas(file, found.answer), file.size)
        finally:
            file.release()

    def _curves(self, name: str, file: PhotoFile) -> Tones | None:
        if self._finisher is None:
            return None
        found = or_raise(self._run.ask(FINISHER, file, self._finisher, name))
        file.release()
        return curves_of(found.answer, self._run.parts.storage)

    def _read(self, name: str) -> PhotoFile:
        return PhotoFile(self._run.read(name), self._max_pixels)

    def _keep(self, made: EnhancedFile, preview: str | None) -> Json:
        kind = made.content_type.partition("/")[2]
        suffix = SUFFIXES.get(made.content_type, kind)
        key = self._run.key_of(f"{self._number}.{suffix}")
        self._run.parts.storage.write(key, made.data, made.content_type)
        return describe(made) | {"enhanced": key, "preview": preview}

    def _judge(self, name: str) -> Callable[[PhotoFile], QualityAnswer | None]:
        model = self._model

        def judge(photo: PhotoFile) -> QualityAnswer | None:
            if model is None:
                return None
            found = self._run.ask(PHOTO_QUALITY, photo, model, name)
            photo.release()
            return found.answer if isinstance(found, Prediction) else None

        return judge
