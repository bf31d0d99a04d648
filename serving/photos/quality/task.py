"""How good a photo is: the task `photo-quality`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import BATCH, ArrayInput, ArraySpec, Dtype, ModelCard, Score
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.photos.fingerprint import FINGERPRINT_BYTES
from serving.photos.quality.compression import header_severity
from serving.photos.quality.features import Measured, feature_names, measure
from serving.photos.quality.hints import write_hints
from serving.photos.quality.parts import DETAILS, KNOWN, PARTS, Part
from serving.photos.quality.views import decode_side
from serving.task import Inputs, Outputs, Size, check_arrays, embedding_spec


@dataclass(frozen=True)
class QualityAnswer:
    """How good a photo is.

    Attributes
    ----------
    score : 0..100, of the whole
    parts : 0..100, of each of PARTS
    hints : what to look at, the worst part first; parts that are fine are missing
    tilt_degrees : above 0: to the right; None where the photo shows no verticals
    fingerprint : to know the same view again, see `serving.photos.fingerprint`
    """

    score: float
    parts: dict[Part, float]
    hints: dict[Part, str]
    tilt_degrees: float | None
    fingerprint: str


def quality_input() -> ArrayInput:
    """Return the contract of the model's input, a row each of what was measured.

    The fingerprint only passes through: an answer is made of outputs alone.
    """
    return ArrayInput(
        arrays=(
            _row("features", len(feature_names())),
            _row("known", len(KNOWN)),
            _row("fingerprint", FINGERPRINT_BYTES, "uint8"),
        )
    )


def _row(name: str, length: int, dtype: Dtype = "float32") -> ArraySpec:
    return ArraySpec(name=name, dtype=dtype, shape=(BATCH, length))


def to_known(measured: Measured, long_side: int, header: float) -> NDArray[np.float32]:
    """Return what the model need not guess, float32 (3,), in the order of KNOWN."""
    lean = measured.tilt.degrees if measured.tilt else 0.0
    return np.array([long_side, lean, header], np.float32)


class PhotoQuality:
    """The task: measurements of one photo; scores of the whole and its parts.

    The pixels are measured in `prepare`: that costs more than the model, and needs no batch.
    """

    name = "photo-quality"
    answer = TypeAdapter(QualityAnswer)

    def prepare(self, source: PhotoFile, card: ModelCard) -> Inputs:
        """Return `features`, `known` and `fingerprint` of a photo."""
        del card
        height, width = source.size
        pixels = source.pixels(decode_side(width, height))
        measured = measure(pixels)
        known = to_known(measured, max(height, width), header_severity(source.data))
        seen = np.frombuffer(measured.fingerprint.to_bytes(), np.uint8)
        return {"features": measured.row(), "known": known, "fingerprint": seen}

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> QualityAnswer:
        """Read `score`, float32 (1,), `parts` (PARTS,), `details` (DETAILS,) and `view`."""
        del card, size
        parts = {part: round(float(v), 1) for part, v in zip(PARTS, outputs["parts"], strict=True)}
        details = dict(zip(DETAILS, outputs["details"].astype(float).tolist(), strict=True))
        return QualityAnswer(
            score=round(float(outputs["score"][0]), 1),
            parts=parts,
            hints=write_hints(parts, details),
            tilt_degrees=round(details["lean"], 2) if details["lean"] else None,
            fingerprint=outputs["view"].tobytes().hex(),
        )

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge that there are scores of the parts this release knows, in their order."""
        if card.output_as(Score).parts != PARTS:
            raise ModelUnavailable(self.name, f"its parts are {card.output_as(Score).parts}")
        rows = (
            _row("score", 1),
            _row("parts", len(PARTS)),
            _row("details", len(DETAILS)),
            _row("view", FINGERPRINT_BYTES, "uint8"),
            *embedding_spec(card),
        )
        check_arrays(outputs, rows, self.name)


PHOTO_QUALITY = PhotoQuality()
