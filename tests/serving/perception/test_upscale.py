from collections.abc import Sequence

import numpy as np
import pytest

from serving.card import ArrayInput, ArraySpec, Dtype, ModelCard, Picture
from serving.errors import ModelFailed, ModelUnavailable
from serving.image import Image
from serving.perception.upscale import (
    UPSCALER,
    Factor,
    Tile,
    bytes_beside,
    tiling_of,
    upscale,
)

Shape = tuple[int | str, ...]
ANY: Shape = ("n", "height", "width", 3)


def card(shape: Shape = ANY, dtype: Dtype = "uint8", scale: int = 2, reach: float = 3) -> ModelCard:
    return ModelCard(
        task=UPSCALER.name,
        input=ArrayInput(arrays=(ArraySpec(name="photo", dtype=dtype, shape=shape),)),
        output=Picture(scale=scale),
        parameters={"reach": reach},
        licence="MIT",
        backbone="-",
        precision="fp32",
        data_version="1",
    )


class Repeats:
    """Repeats each pixel, and counts how it is asked."""

    def __init__(self, scale: int) -> None:
        self.card, self.scale, self.calls = card(scale=scale), scale, 0

    def __call__(self, tiles: Sequence[Tile]) -> list[Image]:
        self.calls += 1
        return [t.pixels.repeat(self.scale, axis=0).repeat(self.scale, axis=1) for t in tiles]


def photo(height: int = 50, width: int = 40) -> Image:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("scale", "factor"), [(2, 2), (2, 4), (4, 4), (4, 2), (3, 4)])
def test_a_photo_has_as_many_times_the_pixels_as_were_asked_for(scale: int, factor: Factor) -> None:
    original = photo()
    before = original.copy()
    made = upscale(original, factor, Repeats(scale))
    assert made.shape == (factor * 50, factor * 40, 3)
    if scale != 3:
        np.testing.assert_array_equal(made, before.repeat(factor, axis=0).repeat(factor, axis=1))
    np.testing.assert_array_equal(original, before)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        (ANY, "uint8"), (ANY, "float32"), (("n", 3, "h", "w"), "float32"),
        ((1, 64, 96, 3), "float32"), (("n", 3, 64, 96), "float32"),
    ],
)  # fmt: skip
def test_a_tile_goes_into_any_layout_and_comes_back(shape: Shape, dtype: Dtype) -> None:
    stated, tile = card(shape, dtype), Tile(photo())
    array = UPSCALER.prepare(tile, stated)["photo"]
    batch = array if shape[0] == 1 else array[None]
    assert (batch.dtype.name, batch.ndim) == (dtype, 4)
    # of arrays alone no more is known than what the network is given
    assert UPSCALER.size_of({"photo": array}) == ((64, 96) if 96 in shape else tile.size)
    sides = (2, 3) if batch.shape[1] == 3 else (1, 2)
    made = batch.repeat(2, axis=sides[0]).repeat(2, axis=sides[1])
    UPSCALER.check({"made": _of_example(stated)}, stated)
    outputs = {"made": made if shape[0] == 1 else made[0]}
    answer = UPSCALER.read(outputs, stated, tile.size)
    expected = tile.pixels.repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(answer.picture.array(), expected)


def _of_example(stated: ModelCard) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    from serving.task import example_inputs

    taken = example_inputs(stated)["photo"]
    sides = (2, 3) if taken.shape[1] == 3 else (1, 2)
    return taken.repeat(2, axis=sides[0]).repeat(2, axis=sides[1])


def test_a_model_that_enlarges_otherwise_than_its_card_says_never_answers() -> None:
    with pytest.raises(ModelUnavailable):
        UPSCALER.check({"made": np.zeros((1, 32, 32, 3), np.uint8)}, card())
    with pytest.raises(ModelUnavailable):
        UPSCALER.check({"made": np.zeros((1, 64, 64, 3), np.float32) + np.nan}, card())
    with pytest.raises(ModelUnavailable):
        UPSCALER.check({"made": np.zeros((1, 64, 64), np.uint8)}, card())
    with pytest.raises(ModelUnavailable):
        upscale(photo(), 2, Repeats(1))
    with pytest.raises(ModelFailed):
        UPSCALER.read({"made": np.zeros((32, 32, 3), np.uint8)}, card(), (32, 32))


def test_a_tile_shows_as_much_around_its_own_as_the_card_says() -> None:
    assert tiling_of(card(reach=7.2)).margin == 8
    assert tiling_of(card((1, 540, 960, 3), "float32", reach=500)).margin < 270
    assert (tiling_of(card((1, 540, 960, 3), "float32")).width) == 960


@pytest.mark.parametrize(("scale", "factor", "bytes_"), [(2, 2, 12), (2, 4, 60), (4, 2, 60)])
def test_memory_is_told_before_it_is_taken(scale: int, factor: Factor, bytes_: int) -> None:
    assert bytes_beside(factor, card(scale=scale)) == bytes_


def test_tiles_are_known_by_pixels_and_shape() -> None:
    flat = np.zeros((4, 9, 3), np.uint8)
    assert Tile(flat).sha256 != Tile(flat.reshape(9, 4, 3)).sha256
    assert Tile(flat).sha256 == Tile(flat.copy()).sha256
