"""What a workflow is given: its job, the parts it works with, and stages that survive a crash."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine, exists, select

from serving import metrics, traces
from serving.db.canary_tables import Rollback
from serving.db.tables import Job, Json
from serving.errors import (
    BadInput,
    JobStopped,
    ModelFailed,
    ModelUnavailable,
    ObjectNotFound,
    StorageFull,
    StorageUnavailable,
    StudioError,
)
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.models.asker import Asker
from serving.models.local import ModelVersion
from serving.models.pinned import (
    PinnedModel,
    ask_routed,
    champion_pin,
    pinned_route,
    still_holds,
)
from serving.models.predictor import Prediction, Predictor
from serving.models.router import Router
from serving.models.routes import TaskRoute
from serving.settings import Settings
from serving.storage.interface import Storage
from serving.storage.prefixes import STAGES
from serving.storage.references import read_reference
from serving.storage.scratch import Scratch
from serving.task import Source
from serving.tasks import AnyTask

Input = TypeVar("Input", bound=BaseModel)
Made = TypeVar("Made")

_PROGRESS_EVERY_S = 0.5


@dataclass(frozen=True)
class Parts:
    """What a worker's process holds for all its jobs.

    Attributes
    ----------
    predictor : with the models in this process, or asking the services that have them
    router : lets versions beside the champions answer; None: these stand alone
    """

    settings: Settings
    engine: Engine
    storage: Storage
    scratch: Scratch
    predictor: Predictor
    router: Router | None = None


@dataclass
class Run:
    """One attempt at a job, as its workflow sees it.

    Attributes
    ----------
    check : raises JobStopped when the attempt is to end; cheap, for every step of a loop
    last : whether this is the last attempt: what cannot be had now will not be
    """

    parts: Parts
    job: Job
    check: Callable[[], None]
    last: bool
    _reported_at: float = field(default=float("-inf"), init=False)
    _reported: tuple[int, int, str] | None = field(default=None, init=False)
    _pace: "_Pace | None" = field(default=None, init=False)

    def pin_model(self, task: AnyTask) -> ModelVersion:
        """Return the champion that the job's first attempt found; ModelUnavailable."""
        return self.pin_route(task).champion

    def pin_route(self, task: AnyTask) -> PinnedModel:
        """Return the champion that the job's first attempt found, and who stood beside it.

        What was taken back since is pinned anew: or else a job would go on with it for ever.

        Raises
        ------
        ModelUnavailable
            No champion answers.
        """
        kept = (self.job.versions or {}).get(task.name)
        if kept is not None and not self._is_taken_back(task, kept):
            return self._pinned(task, kept)
        router = self.parts.router
        route = router.routes.of(task.name) if router is not None else None
        found = PinnedModel(self.parts.predictor.find(task), route)
        new = {task.name: found.pin}
        pinned = attempts.pin(self.parts.engine, self.job, new, anew=kept is not None)
        self.job.versions = pinned
        return self._pinned(task, pinned[task.name])

    def pin_if_any(self, task: AnyTask) -> PinnedModel | None:
        """Pin as `pin_route` does; None while no model answers to that task."""
        try:
            return self.pin_route(task)
        except ModelUnavailable:
            return None

    def ask(
        self, task: AnyTask, source: Source, model: PinnedModel, photo: str | None = None
    ) -> Prediction[Any] | StudioError:
        """Return what is said of a source by the version whose listing it is.

        Parameters
        ----------
        model : as the job keeps it
        photo : the key or address that the job's input names
        """
        return self.ask_all(task, [source], model, [photo])[0]

    def ask_all(
        self,
        task: AnyTask,
        sources: Sequence[Source],
        model: PinnedModel,
        photos: Sequence[str | None],
    ) -> list[Prediction[Any] | StudioError]:
        """Return what is said of each source, asked in one batch; as `ask` does."""
        askers = [Asker(self.job.client, self.job.listing_id, self.job.id, one) for one in photos]
        return ask_routed(self.parts.predictor, self.parts.router, task, sources, model, askers)

    def _pinned(self, task: AnyTask, kept: Json) -> PinnedModel:
        champion = self.parts.predictor.find(task, champion_pin(kept))
        return PinnedModel(champion, self._pinned_route(task, kept))

    def _pinned_route(self, task: AnyTask, kept: Json) -> TaskRoute | None:
        router = self.parts.router
        return pinned_route(task.name, kept, router.routes) if router is not None else None

    def _is_taken_back(self, task: AnyTask, kept: Json) -> bool:
        route, router = self._pinned_route(task, kept), self.parts.router
        if route is not None and router is not None and not still_holds(route, router.routes):
            return True
        taken_back = exists().where(Rollback.task == task.name, Rollback.version == kept["version"])
        with self.parts.engine.connect() as connection:
            return bool(connection.scalar(select(taken_back)))

    def input_as(self, kind: type[Input]) -> Input:
        """Return the job's input; BadInput if it is not of that shape, as another version's may."""
        try:
            return kind.model_validate(self.job.input)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise BadInput(f"the job's input: {said}") from error

    def key_of(self, name: str) -> str:
        """Return the key of a file that the job makes, below the folder of its kind."""
        return f"{KINDS[self.job.type].folder_of(self.job.id)}/{name}"

    def read(self, reference: str, max_bytes: int | None = None) -> bytes:
        """Return what a request names, as `serving.storage.references.read_reference` does."""
        return read_reference(reference, self.parts.storage, self.parts.settings, max_bytes)

    def stage(self, name: str, inputs: Json, make: Callable[[], bytes]) -> bytes:
        """Return a stage's output: the one that an earlier attempt or another job made, or a new.

        Parameters
        ----------
        name : of the stage, and of its code's version where that changes what comes out
        inputs : all that the output depends on: content hashes, settings, model versions
        make : works it out
        """
        self.check()
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        key = f"{STAGES}/{name}/{digest}"
        storage = self.parts.storage
        with traces.span(f"stage {name}", digest=digest[:12]) as span:
            try:
                found = storage.read(key)
            except ObjectNotFound:
                metrics.STAGES.labels(name, "no").inc()
                made = make()
                storage.write(key, made)
                return made
            span.set_attribute("stage.found", True)
            metrics.STAGES.labels(name, "yes").inc()
            return found

    def report_progress(self, done: int, total: int, unit: str) -> None:
        """Report the attempt's progress, at most twice a second; JobStopped if it is to end."""
        self.check()
        now = time.monotonic()
        if self._pace is None or self._pace.unit != unit or done < self._pace.done:
            self._pace = _Pace(unit, done, now)
        reported = (done, total, unit)
        if reported == self._reported or (
            now - self._reported_at < _PROGRESS_EVERY_S and done < total
        ):
            return
        self._reported_at, self._reported = now, reported
        progress: Json = {
            "done": done,
            "total": total,
            "unit": unit,
            "share": round(done / total, 4),
            "remaining_s": self._pace.remaining_s(done, total, now),
        }
        attempts.report_progress(self.parts.engine, self.job, progress)

    def once(self, name: str, make: Callable[[], Json]) -> Json:
        """Return what became of a part of the job: as an earlier attempt noted it, or made now.

        Parameters
        ----------
        name : of the note, below the folder of the job's files
        make : does the part; an error is not noted
        """
        note = self.key_of(name)
        try:
            return dict(json.loads(self.parts.storage.read(note)))
        except ObjectNotFound:
            made = make()
        self.parts.storage.write(note, json.dumps(made).encode(), "application/json")
        return made

    def failing_alone(self, make: Callable[[], Made]) -> Made | StudioError:
        """Return what is made of a part, or the error with which that part alone fails.

        What lies in the part itself fails at once; what may be otherwise in a moment ends the
        attempt, and fails the part at the last one.
        """
        try:
            return make()
        except (BadInput, ModelFailed) as error:
            return error
        except StudioError as error:
            if not self.should_give_up(error):
                raise
            return error

    def should_give_up(self, error: StudioError) -> bool:
        """Return whether a transient error now counts as permanent."""
        return self.last and not isinstance(error, JobStopped | StorageUnavailable | StorageFull)


@dataclass(frozen=True)
class _Pace:
    """When the counting of a unit began, and at what number: its pace since then."""

    unit: str
    done: int
    at: float

    def remaining_s(self, done: int, total: int, now: float) -> float | None:
        """Return the seconds to go at the pace so far; None while nothing is known of it."""
        if done <= self.done:
            return None
        return round((now - self.at) / (done - self.done) * (total - done), 1)


Workflow = Callable[[Run], Json]
