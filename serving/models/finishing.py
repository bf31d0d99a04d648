"""The curves that the model `photo-finisher` proposes for a photo, wherever it runs."""

import numpy as np

from serving.image import PhotoFile
from serving.models.large_answers import load_stored
from serving.models.predictor import Predictor, or_raise
from serving.photos.enhance.finish import FINISHER, FinishAnswer, Tones
from serving.storage.interface import Storage


def curves_for(photo: PhotoFile, predictor: Predictor, storage: Storage) -> Tones:
    """Return the curves for a photo; ModelUnavailable, ModelFailed where nobody tells them."""
    try:
        return curves_of(or_raise(predictor.predict(FINISHER, [photo])[0]).answer, storage)
    finally:
        photo.release()


def curves_of(answer: FinishAnswer, storage: Storage) -> Tones:
    """Return an answer's curves, float32 (points, 3)."""
    return np.asarray(load_stored(answer, storage).curves.array(), np.float32)
