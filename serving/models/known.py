"""Rooms of photos by their bytes: what is known is not worked out again."""

import dataclasses

from pydantic import TypeAdapter

from serving.card import PhotoInput
from serving.errors import ModelFailed
from serving.image import Image, decode, hash_photo
from serving.models.local import Loaded, PinnedModels
from serving.models.rooms import TASK, Classified, Rooms, classify_with
from serving.photos.classify import to_pixels
from serving.storage.cache import Answers

_CLASSIFIED = TypeAdapter(Classified)


def read_pixels(data: bytes, max_pixels: int, height: int, width: int) -> Image:
    """Decode a photo no larger than needed and bring it to the model's input size."""
    return to_pixels(decode(data, max_pixels, min_side=max(height, width)), height, width)


def find(answers: Answers | None, photo_sha256: str, identity: str) -> Classified | None:
    """Return what that model said of this photo; None if it was not asked, or nobody knows."""
    known = answers.get(photo_sha256, TASK, identity) if answers else None
    if known is None:
        return None
    return dataclasses.replace(_CLASSIFIED.validate_python(known), cached=True)


def remember(answers: Answers | None, photo_sha256: str, classified: Classified) -> None:
    """Keep an answer for whoever asks that model about this photo next."""
    if answers is not None:
        answer = _CLASSIFIED.dump_python(classified, mode="json")
        answers.put(photo_sha256, TASK, classified.identity, answer)


class KnownRooms:
    """Names the room in a photo's bytes, once per photo and model version.

    Parameters
    ----------
    answers : None: everything is worked out
    """

    def __init__(self, models: PinnedModels, answers: Answers | None, max_pixels: int) -> None:
        self.models, self._answers, self._max_pixels = models, answers, max_pixels

    def classify(
        self, data: bytes, model: Loaded | None = None, sha256: str | None = None
    ) -> Classified:
        """Answer with `model`, or the one that answers now.

        Parameters
        ----------
        sha256 : of the data, where it is known already

        Raises
        ------
        BadImage, TooLarge, ModelUnavailable, ModelFailed
            If that cannot be.
        """
        model = model or self.models.get(TASK)
        sha256 = sha256 or (hash_photo(data) if self._answers else "")
        known = find(self._answers, sha256, model.identity)
        if known is not None:
            return known
        size = model.card.input_as(PhotoInput)
        pixels = read_pixels(data, self._max_pixels, size.height, size.width)
        classified = or_raise(classify_with(model, [pixels])[0])
        remember(self._answers, sha256, classified)
        return classified


class AskedRooms:
    """The same where the model is a service that other processes run.

    Which model will answer is known only from its answers: what is remembered is looked up under
    the identity that the last answer named.
    """

    def __init__(self, rooms: Rooms, answers: Answers | None, max_pixels: int) -> None:
        self._rooms, self._answers, self._max_pixels = rooms, answers, max_pixels
        self._identity, self._size = "", (224, 224)

    def classify(self, data: bytes, model: Loaded | None = None) -> Classified:
        """Answer as the service does, whichever model that has; `model` cannot be chosen."""
        del model
        sha256 = hash_photo(data)
        known = find(self._answers, sha256, self._identity)
        if known is not None:
            return known
        pixels = read_pixels(data, self._max_pixels, *self._size)
        classified = or_raise(self._rooms.classify([pixels])[0])
        self._identity, self._size = classified.identity, (classified.height, classified.width)
        remember(self._answers, sha256, classified)
        return classified


def or_raise(result: Classified | ModelFailed) -> Classified:
    """Return the answer, or raise what broke."""
    if isinstance(result, ModelFailed):
        raise result
    return result
