"""What a fresh machine says of how good photos are."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from registry.bootstrap import STARTERS
from registry.judge import judge_by, standard
from serving.image import Image, PhotoFile
from serving.licences import LicencePolicy
from serving.models.local import LocalModels, load_baked
from serving.models.predictor import LocalPredictor, or_raise
from serving.photos.quality.task import PHOTO_QUALITY, QualityAnswer
from serving.storage.objects import Storage

SAMPLE = Path(__file__).parents[2] / "datasets" / "sample_listing"
PHOTO = SAMPLE / "03-kitchen.jpg"


@pytest.fixture
def predictor(storage: Storage) -> LocalPredictor:
    return LocalPredictor(
        LocalModels(storage, load_baked(STARTERS), licences=LicencePolicy(production=False))
    )


def _ask(predictor: LocalPredictor, photo: Image, quality: int = 95) -> QualityAnswer:
    bgr = np.ascontiguousarray(photo[..., ::-1])
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    (result,) = predictor.predict(PHOTO_QUALITY, [PhotoFile(file.tobytes(), 10**8)])
    return or_raise(result).answer


@pytest.fixture
def photo() -> Image:
    return PhotoFile(PHOTO.read_bytes(), 10**8).pixels()


def test_a_blurred_photo_is_told_from_a_sharp_one(predictor: LocalPredictor, photo: Image) -> None:
    good = _ask(predictor, photo)
    soft = _ask(predictor, np.asarray(cv2.GaussianBlur(photo, (0, 0), 4), np.uint8))
    assert soft.score < good.score
    assert soft.parts["sharpness"] < 60 < good.parts["sharpness"]
    assert soft.hints["sharpness"].startswith(("soft", "blurred"))


def test_a_dark_photo_is_called_dark(predictor: LocalPredictor, photo: Image) -> None:
    dark = _ask(predictor, (255 * ((photo / 255) ** 2.2 / 6) ** (1 / 2.2)).astype(np.uint8))
    assert dark.hints["exposure"].endswith("too dark")


def test_the_header_of_a_jpeg_admits_its_compression(
    predictor: LocalPredictor, photo: Image
) -> None:
    scores = [_ask(predictor, photo, quality).parts["compression"] for quality in (95, 30, 8)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 30


@pytest.mark.parametrize("degrees", [-5.0, 5.0])
def test_a_leaning_photo_is_told_with_its_side(
    predictor: LocalPredictor, photo: Image, degrees: float
) -> None:
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.2)
    found = _ask(predictor, np.asarray(cv2.warpAffine(photo, turn, (width, height)), np.uint8))
    assert found.tilt_degrees == pytest.approx(degrees, abs=0.7)
    assert found.hints["tilt"].endswith("right" if degrees > 0 else "left")


def test_the_starter_meets_its_own_gates() -> None:
    figures = json.loads((STARTERS / PHOTO_QUALITY.name / "figures.json").read_bytes())
    verdict = judge_by(figures, standard(PHOTO_QUALITY.name))
    assert verdict.passed, verdict
