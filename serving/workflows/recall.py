"""`recall_version`, `recall_listing`: what a version taken back answered is answered again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from serving import traces
from serving.card import PhotoInput
from serving.db.tables import Json
from serving.errors import (
    BadInput,
    DownloadFailed,
    ModelFailed,
    ModelUnavailable,
    StudioError,
)
from serving.image import PhotoFile
from serving.jobs.recall import ListingRecall, VersionRecall, jobs_of_listings
from serving.jobs.submit import submit_within
from serving.logs import ContextThreads
from serving.models.comparison import compare
from serving.models.large_answers import load_stored, without_files
from serving.models.local import ModelVersion
from serving.models.predictor import or_raise
from serving.problems import problem_of
from serving.storage.interface import Storage
from serving.tasks import TASKS, AnyTask, asks_photos
from serving.workflows.recalled import Answered, KnownAnswers, read_answered, read_known
from serving.workflows.run import Run

_SUBMITTED_AT_ONCE = 100
_AT_ONCE = 4  # reading waits for storage
# of two answers with the same best label: how far apart they may be before that is a change
_SAME_WITHIN = 0.1
From = Literal["pair", "kept_answer", "photo", "kept_picture"]


@dataclass(frozen=True)
class _Asked:
    """Who is asked, and what is known without asking."""

    task: AnyTask
    champion: ModelVersion
    known: KnownAnswers


@dataclass(frozen=True)
class _Again:
    """A second answer, and what it was made from."""

    answer: Json
    source: From


def recall_version(run: Run) -> Json:
    """Submit a job for every listing that the version answered, unless it is there already."""
    wanted = run.input_as(VersionRecall)
    engine = run.parts.engine
    with engine.connect() as connection:
        listings = list(jobs_of_listings(connection, wanted))
    done = created = 0
    while done < len(listings):
        some = listings[done : done + _SUBMITTED_AT_ONCE]
        with engine.begin() as connection:
            created += sum(submit_within(connection, new, None).created for new in some)
        done += len(some)
        run.report_progress(done, len(listings), "listings")
    return {**wanted.model_dump(), "listings": len(listings), "submitted": created}


def recall_listing(run: Run) -> Json:
    """Ask the champion about each photo of a listing that the version answered.

    `changed` counts the photos whose answer is another now; without one nobody is called back.
    Photos of which nothing is left are told with an error. A listing that was erased has none.
    """
    wanted = run.input_as(ListingRecall)
    task = TASKS[wanted.task]
    champion = _pin_champion(run, task, wanted.version)
    engine = run.parts.engine
    answered = read_answered(engine, wanted, run.job.client)
    asked = _Asked(task, champion, read_known(engine, wanted.task, champion, answered))
    photos = []
    with traces.span("stage recall", photos=len(answered)):
        for result in _answer_all(run, asked, answered):
            photos.append(result)
            run.report_progress(len(photos), len(answered), "photos")
    return {
        "task": wanted.task,
        "version": wanted.version,
        "champion": champion.version,
        "changed": sum(photo["changed"] is True for photo in photos),
        "unchanged": sum(photo["changed"] is False for photo in photos),
        "unknown": sum(photo["changed"] is None for photo in photos),
        "photos": photos,
    }


def _pin_champion(run: Run, task: AnyTask, recalled: str) -> ModelVersion:
    """Return the version that answers; ModelUnavailable while it is the one that was taken back.

    A worker may not have heard of the rollback yet, and must not pin what it undoes.
    """
    champion = run.parts.predictor.find(task)
    if champion.version != recalled:
        champion = run.pin_model(task)
    if champion.version == recalled:
        reason = f"version {recalled} was taken back, and no other answers in its place yet"
        raise ModelUnavailable(task.name, reason)
    return champion


def _answer_all(run: Run, asked: _Asked, answered: list[Answered]) -> Iterator[Json]:
    with ContextThreads(_AT_ONCE, thread_name_prefix="recall") as pool:
        futures = [pool.submit(_answer, run, asked, photo) for photo in answered]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _answer(run: Run, asked: _Asked, photo: Answered) -> Json:
    """Return what a photo's answer was and is; with an error instead, where it cannot be had."""
    run.check()
    told: Json = {"photo": photo.named, "content_sha256": photo.content_sha256}
    told["was"] = photo.answer
    try:
        again = _known_answer(asked, photo) or _ask(run, asked, photo)
    except (BadInput, ModelFailed) as error:
        return told | {"now": None, "changed": None, "error": _problem(error)}
    except StudioError as error:
        if not run.should_give_up(error):
            raise
        return told | {"now": None, "changed": None, "error": _problem(error)}
    changed = _is_changed(asked, photo.answer, again.answer, run.parts.storage)
    return told | {"now": again.answer, "changed": changed, "from": again.source}


def _problem(error: StudioError) -> Json:
    return problem_of(error).model_dump(mode="json", exclude_none=True)


def _known_answer(asked: _Asked, photo: Answered) -> _Again | None:
    """Return what the champion said of this content before, if this release can read it."""
    known = asked.known
    paired = known.paired.get(photo.pair_id) if photo.pair_id else None
    said = known.by_content.get(photo.content_sha256)
    sources: tuple[tuple[Json | None, From], ...] = ((paired, "pair"), (said, "kept_answer"))
    for answer, source in sources:
        if answer is not None and _is_readable(asked.task, answer):
            return _Again(answer, source)
    return None


def _is_readable(task: AnyTask, answer: Json) -> bool:
    try:
        task.answer.validate_python(answer)
    except ValidationError:
        return False
    return True


def _ask(run: Run, asked: _Asked, photo: Answered) -> _Again:
    """Ask the champion about the stored photo, else about the small picture that was kept of it."""
    task, champion = asked.task, asked.champion
    if not asks_photos(task):
        raise BadInput(f"what {task.name} was asked about is not kept, only its answers are")
    data, source = _read(run, photo, _picture_of(asked, photo))
    read = PhotoFile(data, run.parts.settings.max_pixels)
    prediction = or_raise(run.parts.predictor.predict(task, [read], champion)[0])
    answer = without_files(prediction.answer)  # as observations have it
    return _Again(task.answer.dump_python(answer, mode="json"), source)


def _picture_of(asked: _Asked, photo: Answered) -> str | None:
    """Return the key of the small picture, where it is all that the model ever sees of a photo."""
    whole = isinstance(asked.champion.card.input, PhotoInput)
    return asked.known.pictures.get(photo.content_sha256) if whole else None


def _read(run: Run, photo: Answered, picture: str | None) -> tuple[bytes, From]:
    try:
        return photo.read(run), "photo"
    except (BadInput, DownloadFailed):
        if picture is None:
            raise
    return run.parts.storage.read(picture, run.parts.settings.max_body_bytes), "kept_picture"


def _is_changed(asked: _Asked, was: Json, now: Json, storage: Storage) -> bool | None:
    """Say whether a backend would act otherwise; None: the former answer cannot be read any more.

    Parameters
    ----------
    storage : where large maps and pictures lie, which go by their age
    """
    task = asked.task
    if not _is_readable(task, was):
        return None
    read = [task.answer.validate_python(answer) for answer in (now, was)]
    try:
        found = compare(task, asked.champion.card, *(load_stored(one, storage) for one in read))
    except BadInput:
        # of maps and pictures observations keep the hash alone, and objects go by their age
        return bool(without_files(read[0]) != without_files(read[1]))
    return not found.agrees or found.distance > _SAME_WITHIN
