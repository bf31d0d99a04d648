"""A picture with more pixels: the task `upscaler`, and how it is asked about a whole photo."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.card import EMBEDDING, ArrayInput, ArraySpec, ModelCard, Picture
from serving.encoded import Encoded
from serving.errors import ModelFailed, ModelUnavailable
from serving.image import Image
from serving.perception.tiles import Tiling, by_tiles
from serving.task import Inputs, Outputs, Size, example_inputs

Factor = Literal[2, 4]
_TILE = 160  # px a side, for models that take any: 4 of them hold some 50 MB between layers
_REACH = 16  # px around a pixel that have a say in it, where a card tells nothing


@dataclass(frozen=True)
class UpscaleAnswer:
    """A tile with more pixels.

    Attributes
    ----------
    picture : RGB, without loss, so that nothing is seen where tiles meet
    """

    picture: Encoded


@dataclass(frozen=True, eq=False)
class Tile:
    """What the model is asked about: a part of a photo, uint8 RGB (height, width, 3)."""

    pixels: Image

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the pixels."""
        shape = "x".join(map(str, self.pixels.shape)).encode()
        return hashlib.sha256(shape + np.ascontiguousarray(self.pixels).tobytes()).hexdigest()

    @property
    def size(self) -> Size:
        """Return height and width."""
        return self.pixels.shape[:2]

    @property
    def nbytes(self) -> int:
        """Return how much memory the pixels take."""
        return int(self.pixels.nbytes)

    def apart(self) -> "Tile":
        """Return the same: nothing of it changes."""
        return self


class Upscaler:
    """The task: a part of a photo; the same with a whole number of pixels for each, along a side.

    A network takes and gives one array; its shape and type say how colours lie in it:
    uint8 (n, height, width, 3) and float32 (n, height, width, 3) hold 0..255, float32
    (n, 3, height, width) holds 0..1. Where height and width are fixed, a smaller tile is put into
    the corner and its last pixels are repeated. The card's parameter `reach` says how many pixels
    around one have a say in what becomes of it.
    """

    name = "upscaler"
    answer = TypeAdapter(UpscaleAnswer)

    def prepare(self, source: Tile, card: ModelCard) -> Inputs:
        """Return the card's array of the tile."""
        spec = _taken(card)
        height, width = source.size
        most = _frame(spec) or (height, width)
        beyond = (0, max(0, most[0] - height)), (0, max(0, most[1] - width)), (0, 0)
        pixels = np.pad(source.pixels, beyond, mode="edge")
        return {spec.name: _to_array(pixels, spec)}

    def size_of(self, inputs: Inputs) -> Size:
        """Return the height and width of the tile that arrays were made of."""
        (array,) = inputs.values()
        return _sides(array if array.ndim == 4 else array[None])

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> UpscaleAnswer:
        """Read the only output; `size` is the tile's.

        Raises
        ------
        ModelFailed
            It is smaller than the card's scale says.
        """
        scale = card.output_as(Picture).scale
        picture = _to_pixels(_given(outputs, self.name))
        height, width = scale * size[0], scale * size[1]
        frame = _frame(_taken(card)) or (size[0], size[1])
        if picture.shape != (scale * frame[0], scale * frame[1], 3):
            raise ModelFailed(f"a tile of {size} became a picture of {picture.shape}")
        own = np.ascontiguousarray(picture[:height, :width])
        return UpscaleAnswer(Encoded.of_picture(own, lossless=True))

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge that it is one finite picture of the size that the card's scale says."""
        scale, spec = card.output_as(Picture).scale, _taken(card)
        found = _given(outputs, self.name)
        taken = example_inputs(card, batch=len(found))[spec.name]
        wanted = tuple(scale * side for side in _sides(taken)), taken.ndim
        if _layout(found) is None or (_sides(found), found.ndim) != wanted:
            reason = f"its output is {found.dtype} {found.shape}, no picture {scale} times as large"
            raise ModelUnavailable(self.name, reason)
        if not np.isfinite(found).all():
            raise ModelUnavailable(self.name, "its output is not finite")


UPSCALER = Upscaler()


class UpscalerModel(Protocol):
    """Whoever answers for the task."""

    @property
    def card(self) -> ModelCard:
        """Return the model's card."""
        ...

    def __call__(self, tiles: Sequence[Tile]) -> Sequence[Image]:
        """Return each tile enlarged, RGB."""
        ...


def upscale(photo: Image, factor: Factor, model: UpscalerModel) -> Image:
    """Return a photo with `factor` times the pixels along each side.

    A model of a smaller scale is asked twice; of what one of a larger scale gives, the mean of the
    pixels is taken. Held beside the photo is what `bytes_beside` says, and a few tiles.

    Parameters
    ----------
    photo : uint8 RGB; not changed

    Raises
    ------
    BadImage
        If it is not uint8 RGB.
    ModelFailed, ModelUnavailable
        If the model breaks on a tile, or is none for pictures.
    """
    scale, tiling = scale_of(model.card), tiling_of(model.card)

    def work(tiles: Sequence[Image]) -> Sequence[Image]:
        return model([Tile(tile) for tile in tiles])

    reached, made = 1, photo
    while reached < factor:
        made = by_tiles(made, scale, tiling, work)
        reached *= scale
    if reached > factor:
        size = factor * photo.shape[1], factor * photo.shape[0]
        made = np.asarray(cv2.resize(made, size, interpolation=cv2.INTER_AREA), np.uint8)
    return made


def bytes_beside(factor: Factor, card: ModelCard) -> int:
    """Return the bytes for each pixel of a photo that its enlarging holds, the result among them.

    Examples
    --------
    >>> card = ModelCard(task="upscaler", input=ArrayInput(arrays=(ArraySpec(name="pixels",
    ...     dtype="uint8", shape=("n", "h", "w", 3)),)), output=Picture(scale=2), licence="MIT",
    ...     backbone="-", precision="fp32", data_version="1")
    >>> bytes_beside(2, card), bytes_beside(4, card)
    (12, 60)
    """
    scale, reached, held = scale_of(card), 1, 0
    while reached < factor:
        before = 3 * reached**2 if reached > 1 else 0
        reached *= scale
        held = max(held, before + 3 * reached**2)
    return held if reached == factor else held + 3 * factor**2


def scale_of(card: ModelCard) -> int:
    """Return by how much a model enlarges; ModelUnavailable if it does not."""
    scale = card.output_as(Picture).scale
    if scale < 2:
        raise ModelUnavailable(UPSCALER.name, "its pictures are no larger than its photos")
    return scale


def tiling_of(card: ModelCard) -> Tiling:
    """Return how photos are cut for a model."""
    stated = card.parameters.get("reach", _REACH)
    reach = int(np.ceil(float(np.max(stated))))
    height, width = _frame(_taken(card)) or (_TILE, _TILE)
    margin = min(reach, (min(height, width) - 1) // 2)
    return Tiling(height, width, margin)


def _taken(card: ModelCard) -> ArraySpec:
    arrays = card.input_as(ArrayInput).arrays
    if len(arrays) != 1 or _channels(arrays[0].shape, arrays[0].dtype) is None:
        raise ModelUnavailable(UPSCALER.name, f"what it takes is no picture: {arrays}")
    return arrays[0]


def _given(outputs: Outputs, task: str) -> NDArray[Any]:
    pictures = [array for name, array in outputs.items() if name != EMBEDDING]
    if len(pictures) != 1:
        raise ModelUnavailable(task, f"it has the outputs {list(outputs)}, where one is needed")
    return pictures[0]


def _channels(shape: Sequence[int | str], dtype: str) -> int | None:
    """Return in which place of a batch's shape the colours are; None of what is no picture."""
    if len(shape) != 4 or dtype not in ("uint8", "float32"):
        return None
    if shape[3] == 3:
        return 3
    return 1 if shape[1] == 3 and dtype == "float32" else None


def _layout(array: NDArray[Any]) -> int | None:
    return _channels(array.shape, array.dtype.name)


def _sides(batch: NDArray[Any]) -> tuple[int, ...]:
    """Return height and width of a batch of pictures."""
    return batch.shape[2:4] if _layout(batch) == 1 else batch.shape[1:3]


def _frame(spec: ArraySpec) -> tuple[int, int] | None:
    """Return the height and width that a model takes; None: any."""
    sides = spec.shape[1:3] if _channels(spec.shape, spec.dtype) == 3 else spec.shape[2:4]
    height, width = sides
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _to_array(pixels: Image, spec: ArraySpec) -> NDArray[Any]:
    planes = _channels(spec.shape, spec.dtype) == 1
    array = pixels.astype(spec.dtype, copy=False)
    if planes:
        array = np.ascontiguousarray((array / np.float32(255)).transpose(2, 0, 1))
    return array if spec.batched else array[None]


def _to_pixels(found: NDArray[Any]) -> Image:
    """Return one picture, perhaps in a batch of one, as uint8 RGB (height, width, 3)."""
    batch = found if found.ndim == 4 else found[None]
    channels = _layout(batch)
    if channels is None or len(batch) != 1:
        raise ModelFailed(f"its output {found.dtype} {found.shape} is no picture")
    array = batch[0]
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    levels = array.transpose(1, 2, 0) * 255 if channels == 1 else array
    return np.asarray(np.rint(levels.clip(0, 255)), np.uint8)
