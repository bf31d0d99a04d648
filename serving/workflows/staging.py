"""`stage_photos`: rooms cleared and furnished, photo by photo, a small version of each first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from serving import traces
from serving.db.tables import Json
from serving.errors import StudioError
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
from serving.staging.same_room import SameRoom, alone
from serving.workflows.kits import KitOf, open_kit
from serving.workflows.run import Run
from serving.workflows.staged import Look, Untouched, look_at
from serving.workflows.staged_files import Files
from serving.workflows.staged_room import RoomPlan, Stager

_NOTHING_LOOSE = {"code": "nothing_to_clear", "detail": "no loose furniture was found"}
_LOOK, _CLEAR, _FURNISH = 1, 3, 4  # steps of work, about a second each
_Seen = Look | Untouched | StudioError


def stage_photos(run: Run) -> Json:
    """Stage `input["photos"]`; one that cannot be read, or staged, is left alone with its reason.

    Every photo is looked at first, so that the photos of a room share one plan. A photo that an
    earlier attempt has staged is not staged again; what it has cleared is kept by what it was made
    from, and another kit goes on from there.
    """
    request = run.input_as(StageInput)
    work = _Work(run, request)
    with traces.span("stage rooms", photos=len(request.photos)):
        looks = [work.look(number) for number in range(len(request.photos))]
        rooms = work.arrange(looks)
        results = [work.finish(number, look, rooms) for number, look in enumerate(looks)]
    return {"results": results}


@dataclass(frozen=True)
class _Arranged:
    """The room that a photo shows.

    Attributes
    ----------
    plans : of what will stand in it, one a variant, or why nothing will
    """

    room: SameRoom
    plans: list[RoomPlan] | StudioError


_Rooms = dict[int, _Arranged]  # by the photo's number


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
        self._seeds = [request.seed + variant for variant in range(request.variants)]
        self._each = _LOOK + _CLEAR + (_FURNISH * request.variants if self._kit else 0)
        self._done, self._total = 0, self._each * len(self._photos)

    def look(self, number: int) -> _Seen:
        """Say what a photo shows, or why it is left alone."""
        run, photo = self._run, self._photos[number]
        run.check()
        seen = run.failing_alone(lambda: look_at(run, photo, number, self._segmenter, self._rooms))
        self._count(_LOOK)
        return seen

    def arrange(self, looks: Sequence[_Seen]) -> _Rooms:
        """Return the room of each photo, by its number, with its plans, one a variant."""
        photos = {look.number: look for look in looks if isinstance(look, Look)}
        if self._kit is None:
            return {
                number: _Arranged(alone(look.room_photo), []) for number, look in photos.items()
            }
        rooms: _Rooms = {}
        for room in self._stager.rooms(list(photos.values())):
            members = [photos[number] for number in room.photos]
            plans = self._run.failing_alone(partial(self._stager.plan_room, members, self._seeds))
            rooms |= dict.fromkeys(room.photos, _Arranged(room, plans))
        return rooms

    def finish(self, number: int, look: _Seen, rooms: _Rooms) -> Json:
        """Return what became of a photo."""
        run, before = self._run, self._done
        run.check()
        told: Json = {"photo": self._photos[number].photo}
        if isinstance(look, Untouched):
            told |= {"untouched": {"code": look.code, "detail": look.detail}}
        elif isinstance(look, StudioError):
            told |= _failed(look)
        else:
            note = f"{number}.json"
            stage = partial(self._stage, look, rooms[number])
            made = run.failing_alone(lambda: run.once(note, stage))
            told |= _failed(made) if isinstance(made, StudioError) else made
        self._count(before + self._each - _LOOK - self._done)
        return told

    def _stage(self, look: Look, arranged: _Arranged) -> Json:
        cleared = self._stager.clear(look)
        self._files.tell_preview(look, "cleared", cleared.photo)
        self._count(_CLEAR)
        about: Json = {
            "room_id": arranged.room.room_id,
            "room_confidence": round(arranged.room.confidence, 2),
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
        if isinstance(arranged.plans, StudioError):
            raise arranged.plans
        for variant, plan in enumerate(arranged.plans):
            made = self._stager.furnish(look, cleared, plan)
            self._count(_FURNISH)
            if isinstance(made, Untouched):
                reasons = made
                continue
            variants.append(self._files.keep(look, made, variant))
        if not variants and reasons is not None:
            return {"untouched": {"code": reasons.code, "detail": reasons.detail}}
        return about | {"kit": self._kit.kit.name, "variants": variants}

    def _count(self, steps: int) -> None:
        self._done += steps
        self._run.report_progress(self._done, self._total, "steps")

    def _upscaling(self) -> Upscaling | None:
        if self._request.upscale is None:
            return None
        parts = self._run.parts
        version = self._run.pin_model(UPSCALER)
        model = PredictedUpscaler(parts.predictor, version, parts.storage, self._run.check)
        return Upscaling(self._request.upscale, model, parts.settings.max_pixels)


def _failed(error: StudioError) -> Json:
    return {"error": problem_of(error).model_dump(mode="json")}


def _told(photo: str | StagePhoto, request: StageInput) -> StagePhoto:
    """Return a photo with all that the request says of it."""
    one = StagePhoto(photo=photo) if isinstance(photo, str) else photo
    return one.model_copy(update={"room_type": one.room_type or request.room_type})
