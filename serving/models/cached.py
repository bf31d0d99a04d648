"""Answers that are known are not worked out again, wherever the model runs."""

from collections.abc import Sequence

from pydantic import ValidationError

from serving.card import ModelCard, Picture
from serving.errors import StudioError
from serving.models.large_answers import has_stored
from serving.models.local import ModelVersion, Pin
from serving.models.predictor import Prediction, Predictor
from serving.storage.cache import Answers
from serving.task import Answer, SourceT, Task


class CachedPredictor:
    """Asks another predictor about what it does not know: once per content and model version."""

    def __init__(self, predictor: Predictor, answers: Answers) -> None:
        self._predictor, self._answers = predictor, answers

    def find(self, task: Task[SourceT, Answer], pin: Pin | None = None) -> ModelVersion:
        """Return the version that answers now, or the one that was pinned; ModelUnavailable."""
        return self._predictor.find(task, pin)

    def predict(
        self,
        task: Task[SourceT, Answer],
        sources: Sequence[SourceT],
        version: ModelVersion | None = None,
    ) -> list[Prediction[Answer] | StudioError]:
        """Answer each source, in order; one that cannot be read or breaks the model fails alone."""
        version = version or self.find(task)
        known = [recall(self._answers, task, source, version) for source in sources]
        asked = [source for source, found in zip(sources, known, strict=True) if found is None]
        answers = iter(self._predictor.predict(task, asked, version) if asked else [])
        results = [next(answers) if found is None else found for found in known]
        for source, result in zip(sources, results, strict=True):
            remember(self._answers, task, source, result)
        return results


def with_cache(predictor: Predictor, answers: Answers | None) -> Predictor:
    """Put the cache in front, if there is one."""
    return predictor if answers is None else CachedPredictor(predictor, answers)


def recall(
    answers: Answers | None, task: Task[SourceT, Answer], source: SourceT, version: ModelVersion
) -> Prediction[Answer] | None:
    """Return what that version said of this content; None if nobody knows."""
    if answers is None or _is_picture(version.card):
        return None
    known = answers.get(source.sha256, task.name, version.identity)
    if known is None:
        return None
    try:
        answer = task.answer.validate_python(known)
    except ValidationError:  # another release kept it in another form
        return None
    return Prediction.by(version, answer, cached=True)


def remember(
    answers: Answers | None,
    task: Task[SourceT, Answer],
    source: SourceT,
    result: Prediction[Answer] | StudioError,
) -> None:
    """Keep a new answer for whoever asks that version about this content next.

    Nothing of how it came about is kept: from which slot the version is taken, the next who asks
    knows better. Nor are answers kept whose maps lie in the storage: those objects go by their age.
    Nor pictures: they are as large as what was asked about, and whoever asks keeps what is made of
    them.
    """
    if answers is None or isinstance(result, StudioError) or result.cached:
        return
    if has_stored(result.answer) or _is_picture(result.card):
        return
    answer = task.answer.dump_python(result.answer, mode="json")
    answers.put(source.sha256, task.name, result.identity, answer)


def _is_picture(card: ModelCard | None) -> bool:
    return card is not None and isinstance(card.output, Picture)
