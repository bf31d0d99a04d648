import io

import numpy as np
import pytest
from PIL import Image as Pillow

from serving.card import FramedInput, Map, ModelCard, PhotoInput
from serving.errors import ModelUnavailable, NotFinite
from serving.image import PhotoFile
from serving.models.comparison import compare
from serving.perception.depth import DEPTH, INVERSE, METRES, DepthAnswer, nearness_of

SIDE = 32
MIDAS = FramedInput(
    name="input",
    height=SIDE,
    width=SIDE,
    place="squeezed",
    layout="float32-nchw",
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    batched=False,
)


def make_card(unit: str = METRES, **changes: object) -> ModelCard:
    card = ModelCard(
        task="depth",
        input=PhotoInput(height=SIDE, width=SIDE, mean=(0, 0, 0), std=(1, 1, 1)),
        output=Map(unit=unit),
        licence="own",
        backbone="none",
        precision="fp32",
        data_version="1",
    )
    return card.model_copy(update=changes)


def make_ramp() -> np.ndarray:
    return np.tile(np.linspace(1, 5, SIDE, dtype=np.float32), (SIDE, 1))


def make_photo(height: int, width: int) -> PhotoFile:
    file = io.BytesIO()
    Pillow.fromarray(np.full((height, width, 3), 90, np.uint8)).save(file, "PNG")
    return PhotoFile(file.getvalue(), 10**9)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 400), (400, 40), (300, 500)])
def test_a_photo_of_any_shape_fills_the_rectangle_as_the_card_states_it(
    height: int, width: int
) -> None:
    photo = make_photo(height, width)
    ours = DEPTH.prepare(photo, make_card())["pixels"]
    assert (ours.shape, ours.min(), ours.max()) == ((SIDE, SIDE, 3), 90, 90)
    theirs = DEPTH.prepare(photo, make_card(input=MIDAS))["input"]
    assert theirs.shape == (1, 3, SIDE, SIDE)
    assert theirs.dtype == np.float32
    wanted = (90 - np.array(MIDAS.mean)) / np.array(MIDAS.std)
    np.testing.assert_allclose(theirs[0].min(axis=(1, 2)), wanted, atol=1e-4)
    np.testing.assert_allclose(theirs[0].max(axis=(1, 2)), wanted, atol=1e-4)


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (1, SIDE, SIDE), (SIDE, SIDE, 1)])
def test_metres_travel_as_millimetres_whatever_dimensions_stand_around_them(
    shape: tuple[int, ...],
) -> None:
    answer = DEPTH.read({"depth": make_ramp().reshape(shape)}, make_card(), (600, 900))
    again: DepthAnswer = DEPTH.answer.validate_json(DEPTH.answer.dump_json(answer))
    assert (again.unit, again.size, again.map.media_type) == (METRES, (600, 900), "image/png")
    np.testing.assert_allclose(again.map.array() / 1000, make_ramp(), atol=0.0006)


def test_a_networks_own_unit_becomes_metres_by_the_cards_scale() -> None:
    card = make_card(parameters={"scale": 0.5})
    found = DEPTH.read({"depth": np.full((SIDE, SIDE), 8, np.uint8)}, card, (1, 1)).map.array()
    assert (found == 4000).all()


def test_an_inverse_depth_means_the_same_whatever_its_scale_and_shift() -> None:
    card = make_card(INVERSE)
    some, other = (DEPTH.read({"d": v}, card, (1, 1)) for v in (make_ramp(), 7 * make_ramp() - 90))
    assert compare(DEPTH, card, some, other).agrees
    found = some.map.array()
    assert (found[0, 0], found[0, -1]) == (0, 65535), "the nearest is the largest"
    flat = DEPTH.read({"d": np.ones((SIDE, SIDE), np.float32)}, card, (1, 1)).map.array()
    assert not flat.any()


def test_what_is_no_number_is_no_answer() -> None:
    values = make_ramp()
    values[3, 3] = np.nan
    with pytest.raises(NotFinite):
        DEPTH.read({"depth": values}, make_card(), (1, 1))


def test_a_model_of_another_unit_frame_or_shape_does_not_answer() -> None:
    ramp = make_ramp()[None]
    DEPTH.check({"depth": ramp}, make_card())
    DEPTH.check({"depth": ramp[None]}, make_card(INVERSE, input=MIDAS))
    framed = MIDAS.model_copy(update={"place": "centred"})
    for outputs, card in (
        ({"depth": ramp}, make_card("feet")),
        ({"depth": ramp}, make_card(input=framed)),
        ({"depth": np.ones((1, 5), np.float32)}, make_card()),
        ({"depth": ramp * np.nan}, make_card()),
        ({"depth": ramp, "more": ramp}, make_card()),
    ):
        with pytest.raises(ModelUnavailable):
            DEPTH.check(outputs, card)


def test_nearness_is_what_things_shift_by_and_keeps_the_photos_proportions() -> None:
    photo = make_photo(60, 90)
    answer = DEPTH.read({"depth": make_ramp()}, make_card(), photo.size)
    near = nearness_of(answer, photo.pixels())
    assert near.shape == (60, 90)
    assert near.dtype == np.uint8
    assert near[:, 2].mean() > 180
    assert near[:, -2:].max() < 10
    middle = near[:, 45].mean() / 255  # at 3 m of 1 to 5: a third, less a fifth, of all but a fifth
    assert middle == pytest.approx((1 / 3 - 1 / 5) / (1 - 1 / 5), abs=0.05)


def test_an_inverse_depth_is_nearness_and_a_wall_alone_is_none() -> None:
    photo = make_photo(40, 40)
    near = nearness_of(
        DEPTH.read({"depth": make_ramp()}, make_card(INVERSE), photo.size), photo.pixels()
    )
    assert near[:, -1].mean() > 215 > 40 > near[:, 0].mean()
    flat = DEPTH.read({"depth": np.full((SIDE, SIDE), 2.0, np.float32)}, make_card(), photo.size)
    assert not nearness_of(flat, photo.pixels()).any()
