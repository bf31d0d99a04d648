"""One model from its two files, without slots: for tools that look at a single version."""

import hashlib
import io
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from serving.card import ModelCard
from serving.errors import BadInput
from serving.image import PhotoFile
from serving.models.local import Loaded
from serving.models.predictor import Prepared, answer_prepared, or_raise, prepare
from serving.models.session import OnnxSession
from serving.task import SizedByArrays, example_inputs, is_batched
from serving.tasks import TASKS, asks_photos


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

    def answer(self, file: bytes) -> dict[str, Any]:
        """Return the answer for a photo's bytes, or for arrays as `.npz`, as JSON has it.

        Raises
        ------
        StudioError
            The file cannot be read, or breaks the model.
        """
        prepared = self._prepare(file)
        (found,) = answer_prepared(self._task, self._loaded, [prepared])
        answer = self._task.answer.dump_python(or_raise(found), mode="json")
        return answer if isinstance(answer, dict) else {"answer": answer}

    def _prepare(self, file: bytes) -> Prepared:
        if asks_photos(self._task):
            source = PhotoFile(file, self._max_pixels)
            return or_raise(prepare(self._task, source, self._loaded))
        try:
            with np.load(io.BytesIO(file), allow_pickle=False) as stored:
                arrays = {spec.name: stored[spec.name] for spec in self._loaded.card.input.arrays}
        except (ValueError, KeyError, OSError, BadZipFile) as error:
            raise BadInput(f"the arrays cannot be read: {error}") from error
        task = self._task
        if isinstance(task, SizedByArrays):
            return Prepared(arrays, task.size_of(arrays))
        return Prepared(arrays, next(iter(arrays.values())).shape[:1])


def example_file(card: ModelCard) -> tuple[str, bytes]:
    """Return what kind of file a model is asked about, `photo` or `arrays`, and a small one."""
    file, photo = io.BytesIO(), asks_photos(TASKS[card.task])
    if photo:
        pixels = np.full((48, 64, 3), (222, 214, 200), np.uint8)  # a wall, a floor, a window
        pixels[32:], pixels[6:24, 34:56] = (136, 100, 70), (170, 205, 235)
        Image.fromarray(pixels).save(file, "JPEG", quality=80)
    else:
        arrays = example_inputs(card)
        np.savez(file, **{n: a[0] if is_batched(card) else a for n, a in arrays.items()})  # type: ignore[arg-type] # numpy takes any name
    return "photo" if photo else "arrays", file.getvalue()
