"""What a larger network says of a photo: asked once, and kept beside the data."""

import hashlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serving.image import Image
from serving.models.session import OnnxSession
from training.loop.fetch import NamedWeights
from training.loop.kept import KeptArrays
from training.segmenter.mapping import of_ade32

Kept = NDArray[np.uint8]
GRID = 64  # a side of what is kept of an answer
_PIXELS = "PreprocessedImageTensor"
_SURE = 255


class TeacherFile(NamedWeights):
    """`teacher.yaml` of the dataset: which network teaches.

    Attributes
    ----------
    side : of its input, in pixels
    labels : what its outputs are named by
    """

    side: int = Field(512, gt=0)
    labels: Literal["ade32"] = "ade32"

    def open(self, data: str | None, folder: Path) -> "Teacher":
        """Fetch the network.

        Parameters
        ----------
        data : STUDIO_DATA
        folder : keeps its answers

        Raises
        ------
        BadInput
            If the file cannot be had, or is another one.
        """
        return Teacher(self.fetch(data), self.side, folder)


class Teacher:
    """A network that gives logits of ADE20K's 32 classes for a photo squeezed to its square.

    Parameters
    ----------
    model : ONNX with the input `PreprocessedImageTensor`, uint8 (1, side, side, 3), and the output
        `logits`, float32 (1, 32, height, width)
    folder : keeps its answers, by the photo's SHA-256
    """

    def __init__(self, model: bytes, side: int, folder: Path) -> None:
        self.side, self._model = side, model
        self._session: OnnxSession | None = None
        self._kept = KeptArrays(folder / hashlib.sha256(model).hexdigest()[:16])

    def recall(self, sha256: str) -> Kept | None:
        """Return an earlier answer, if there is one."""
        return self._kept.recall(sha256)

    def ask(self, sha256: str, pixels: Image) -> Kept:
        """Return probabilities of ADE32 times 255, uint8 (32, GRID, GRID).

        Parameters
        ----------
        pixels : uint8 RGB (side, side, 3), the photo squeezed
        """
        known = self.recall(sha256)
        if known is not None:
            return known
        if self._session is None:  # opened where it is asked: no session can be sent to a process
            self._session = OnnxSession(self._model)
        answer = to_kept(self._session({_PIXELS: pixels[None]})["logits"][0])
        self._kept.keep(sha256, answer)
        return answer


def to_kept(logits: NDArray[np.float32]) -> Kept:
    """Return logits (32, height, width) as probabilities times 255 on the kept grid."""
    odds = np.exp(logits - logits.max(axis=0))
    planes = np.moveaxis(odds / odds.sum(axis=0), 0, -1)
    small = cv2.resize(planes, (GRID, GRID), interpolation=cv2.INTER_AREA)
    kept: Kept = np.moveaxis((small * _SURE).round().astype(np.uint8), -1, 0).copy()
    return kept


def to_groups(kept: Kept, count: int) -> NDArray[np.float32]:
    """Return probabilities of our classes, float32 (count, height, width), of what was kept.

    Classes that the teacher does not know get nothing: their share is in `other`.
    """
    groups = np.zeros((count, *kept.shape[1:]), np.float32)
    for place, plane in zip(of_ade32(), kept, strict=True):
        groups[place] += plane
    groups /= groups.sum(axis=0).clip(min=1)
    return groups
