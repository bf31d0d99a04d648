"""What a learned model may add to a fill."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from serving.image import Image


class Inpainter(Protocol):
    """Predicts what is missing from a fill on the room's planes.

    It adds to the fill and replaces nothing, so that one that says zero everywhere leaves it as
    good as it was.
    """

    def __call__(
        self, fill: Image, mask: NDArray[np.bool_], faces: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Return levels to add, float32 (height, width, 3), -255..255; heeded only in the mask.

        Parameters
        ----------
        fill : uint8 RGB (height, width, 3), the photo with its mask filled
        mask : bool (height, width)
        faces : uint8 (height, width), what each pixel is on, ids of `serving.staging.room.FACES`
        """
        ...
