"""Maps as pictures to lay over a photo: every class in its colour, what is salient in red."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from serving.perception.classes import CLASSES

Ids = NDArray[np.uint8]
_SALIENT = (255, 64, 32)
_STRONGEST = 0.75  # opacity of what is most salient
# of each class, in the order of their ids; what belongs together looks alike
COLOURS: tuple[tuple[int, int, int], ...] = (
    (90, 90, 90), (176, 190, 197), (188, 143, 104), (236, 239, 241), (66, 165, 245),
    (255, 167, 38), (171, 71, 188), (128, 222, 234), (141, 110, 99), (0, 150, 136),
    (0, 188, 212), (0, 121, 107), (255, 112, 67), (120, 144, 156), (236, 64, 122),
    (233, 30, 99), (255, 213, 79), (255, 193, 7), (255, 138, 101), (109, 76, 65),
    (255, 241, 118), (194, 24, 91), (102, 187, 106), (186, 104, 200), (121, 85, 72),
    (144, 202, 249), (124, 179, 66), (56, 142, 60), (2, 136, 209), (3, 169, 244),
    (255, 87, 34), (97, 97, 97), (161, 136, 127), (244, 67, 54), (255, 0, 110),
)  # fmt: skip


def draw_classes(ids: Ids) -> bytes:
    """Return a PNG whose palette gives every class its colour, and whose indices are the ids.

    So it is the map itself as well: a reader that keeps the palette (Pillow's mode `P`) gets ids.

    Parameters
    ----------
    ids : uint8 (height, width) of `serving.perception.classes.CLASSES`

    Examples
    --------
    >>> file = draw_classes(np.full((4, 6), 2, np.uint8))
    >>> np.unique(np.asarray(Pillow.open(io.BytesIO(file)))).tolist()
    [2]
    """
    picture = Pillow.fromarray(ids, "L")
    picture.putpalette([value for colour in COLOURS[: len(CLASSES)] for value in colour])
    return _as_png(picture)


def draw_salient(values: NDArray[np.uint8]) -> bytes:
    """Return a PNG of one colour, as opaque as a pixel is salient, uint8 (height, width)."""
    room = np.empty((*values.shape, 4), np.uint8)
    room[..., :3] = _SALIENT
    room[..., 3] = np.rint(values * np.float32(_STRONGEST))
    return _as_png(Pillow.fromarray(room, "RGBA"))


def _as_png(picture: Pillow.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=False)
    return file.getvalue()
