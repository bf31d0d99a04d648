"""`stage_photos`: rooms cleared and furnished, photo by photo, a small version of each first."""

from collections import defaultdict
from collections.abc import Sequence

from serving import traces
from serving.db.tables import Json
from serving.errors import BadInput, StudioError
from serving.models.pinned import PinnedModel
from serving.models.upscaling import PredictedUpscaler
from serving.perception.segment import SEGMENTER
from serving.perception.upscale import UPSCALER
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.enhance.upscale import Upscaling
from serving.problems import problem_of
from serving.provenance import signer_of
from serving.render.rooms.renderer import PathTracer
from serving.requests.staging import StageInput, StagePhoto
from serving.staging.process import only_cleared
from serving.workflows.kits import KitOf, open_kit
from serving.workflows.run import Run
from serving.workflows.staged import Look, Untouched, look_at
from serving.workflows.staged_files import Files
from serving.workflows.staged_room import RoomPlan, Stager

_NOTHING_LOOSE = {"code": "nothing_to_clear", "detail": "no loose furniture was found"}
_LOOK, _CLEAR, _FURNISH = 1, 3, 4  # steps of work, about a second each


def stage_photos(run: Run) -> Json:
    """Stage `input["photos"]`; one that cannot be read, or staged, is left alone with its reason.

    Every photo is looked at first, so that the photos of a room share one plan. What an attempt
    has cleared or furnished is kept by what it was made from: a retry goes on from there, and
    another kit from the cleared rooms.
    """
    request = run.input_as(StageInput)
    work = _Work(run, request)
    with traces.span("stage rooms", photos=len(request.photos)):
        looks = [work.look(number) for number in range(len(request.photos))]
        plans = work.arrange(looks)
        results = [work.finish(number, look, plans) for number, look in enumerate(looks)]
    return {"results": results}


Plans = dict[tuple[str, int], RoomPlan]
_Seen = Look | Untouched | StudioError


class _Work:
    """The photos of a job."""

    def __init__(self, run: Run, request: StageInput) -> None:
        self._run, self._request = run, request
        self._photos = [_told(photo, request) for photo in request.photos]
        self._segmenter = run.pin_route(SEGMENTER)
        self._rooms = run.pin_if_any(ROOM_CLASSIFIER)
        self._kit: KitOf | None = open_kit(run, request) if request.mode != "clear" else None
        renderer = PathTracer() if self._kit else None
        self._stager = Stager(run, request, self._segmenter, self._kit, renderer)
        self._files = Files(run, request, signer_of(run.parts.settings), self._upscaling())
        each = _LOOK + _CLEAR + (_FURNISH * request.variants if self._kit else 0)
        self._done, self._total = 0, each * len(self._photos)

    def look(self, number: int) -> _Seen:
        """Say what a photo shows, or why it is left alone."""
        self._run.check()
        models: tuple[PinnedModel, PinnedModel | None] = self._segmenter, self._rooms
        try:
            return look_at(self._run, self._photos[number], number, *models)
        except (BadInput, StudioError) as error:
            if not isinstance(error, BadInput) and not self._run.should_give_up(error):
                raise
            return error
        finally:
            self._count(_LOOK)

    def arrange(self, looks: Sequence[_Seen]) -> Plans:
        """Return a plan for each room and variant: of the photo that shows most of its floor."""
        if self._kit is None:
            return {}
        rooms: dict[str, list[Look]] = defaultdict(list)
        for look in looks:
            if isinstance(look, Look):
                rooms[look.room_id].append(look)
        seeds = [self._request.seed + variant for variant in range(self._request.variants)]
        return {
            (room_id, one.plan.seed): one
            for room_id, photos in rooms.items()
            for one in self._stager.plan_room(photos, seeds)
        }

    def finish(self, number: int, look: _Seen, plans: Plans) -> Json:
        """Return what became of a photo."""
        told: Json = {"photo": self._photos[number].photo}
        if isinstance(look, StudioError):
            self._count(_CLEAR + _FURNISH * self._request.variants)
            return told | {"error": problem_of(look).model_dump(mode="json")}
        if isinstance(look, Untouched):
            self._count(_CLEAR + _FURNISH * self._request.variants)
            return told | {"untouched": {"code": look.code, "detail": look.detail}}
        return told | self._stage(look, plans)

    def _stage(self, look: Look, plans: Plans) -> Json:
        self._run.check()
        cleared = self._stager.clear(look)
        self._files.tell_preview(look, "cleared", cleared.photo)
        self._count(_CLEAR)
        about: Json = {
            "room_id": look.room_id,
            "room_type": look.room_type,
            "mode": self._request.mode,
        }
        if self._kit is None:
            if not cleared.changed.any():
                return {"untouched": _NOTHING_LOOSE}
            emptied = only_cleared(cleared, look.room)
            return about | {"variants": [self._files.keep(look, emptied, 0)]}
        variants: list[Json] = []
        reasons: Untouched | None = None
        for variant in range(self._request.variants):
            seed = self._request.seed + variant
            made = self._stager.furnish(look, cleared, plans[look.room_id, seed])
            self._count(_FURNISH)
            if isinstance(made, Untouched):
                reasons = made
                continue
            variants.append(self._files.keep(look, made, variant))
        if not variants and reasons is not None:
            return {"untouched": {"code": reasons.code, "detail": reasons.detail}}
        return about | {"kit": self._kit.kit.name, "variants": variants}

    def _count(self, steps: int) -> None:
        self._done = min(self._done + steps, self._total)
        self._run.report_progress(self._done, self._total, "steps")

    def _upscaling(self) -> Upscaling | None:
        if self._request.upscale is None:
            return None
        parts = self._run.parts
        version = self._run.pin_model(UPSCALER)
        model = PredictedUpscaler(parts.predictor, version, parts.storage, self._run.check)
        return Upscaling(self._request.upscale, model, parts.settings.max_pixels)


def _told(photo: str | StagePhoto, request: StageInput) -> StagePhoto:
    """Return a photo with all that the request says of it."""
    one = StagePhoto(photo=photo) if isinstance(photo, str) else photo
    return one.model_copy(update={"room_type": one.room_type or request.room_type})
