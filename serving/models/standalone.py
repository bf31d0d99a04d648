"""One model from its two files, without slots: for tools that look at a single version."""

import hashlib
from typing import Any

from serving.card import ModelCard
from serving.image import PhotoFile
from serving.models.local import Loaded
from serving.models.predictor import answer_prepared, or_raise, prepare
from serving.models.session import OnnxSession
from serving.task import is_batched
from serving.tasks import TASKS


class StandaloneModel:
    """Answers with a model as its task reads it, exactly as serving would.

    Parameters
    ----------
    model, card : the version's files
    max_pixels : width x height of a photo that is accepted
    """

    def __init__(self, model: bytes, card: bytes, max_pixels: int = 200_000_000) -> None:
        self._max_pixels = max_pixels
        parsed = ModelCard.model_validate_json(card)
        self._task = TASKS[parsed.task]
        hashes = (hashlib.sha256(file).hexdigest() for file in (model, card))
        session, batched = OnnxSession(model), is_batched(parsed)
        self._loaded = Loaded(parsed, "", "", *hashes, session=session, batched=batched)

    def answer(self, photo: bytes) -> dict[str, Any]:
        """Return the answer for a photo's bytes as JSON has it.

        Raises
        ------
        StudioError
            The photo cannot be read, or breaks the model.
        """
        source = PhotoFile(photo, self._max_pixels)
        prepared = or_raise(prepare(self._task, source, self._loaded))
        (found,) = answer_prepared(self._task, self._loaded, [prepared])
        answer = self._task.answer.dump_python(or_raise(found), mode="json")
        return answer if isinstance(answer, dict) else {"answer": answer}
