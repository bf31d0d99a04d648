import io

import numpy as np
import pytest
from PIL import Image as Pillow

from serving.card import Boxes, FramedInput, Label, ModelCard
from serving.errors import BadImage, ModelFailed, ModelUnavailable
from serving.image import PhotoFile
from serving.models.comparison import compare
from serving.models.plausible import fault_of
from serving.perception.detect import DETECTOR, Detection
from serving.task import example_inputs
from tests.serving.image.photo_zoo import Case, make_zoo

SIDE = 64
PLACES = 64 + 16 + 4
LABELS = tuple(Label(name=name) for name in ("bed", "sofa", "giraffe"))


def make_card(taken: dict[str, object] | None = None, **given: object) -> ModelCard:
    frame = {"height": SIDE, "width": SIDE} | (taken or {})
    stated = {"labels": LABELS, "score_above": 0.3, "unsaid": ("giraffe",)} | given
    return ModelCard(
        task="detector",
        input=FramedInput.model_validate(frame),
        output=Boxes.model_validate(stated),
        licence="own",
        backbone="none",
        precision="fp32",
        data_version="1",
    )


def say(*found: tuple[tuple[float, float, float, float], int, float]) -> dict[str, np.ndarray]:
    """Boxes by middle, width and height in the frame, their label and score."""
    array = np.zeros((4 + len(LABELS), PLACES), np.float32)
    for place, (box, label, score) in enumerate(found):
        array[:4, place] = box
        array[4 + label, place] = score
    return {"boxes": array}


def make_photo(height: int, width: int, **how: object) -> PhotoFile:
    file = io.BytesIO()
    pixels = np.full((height, width, 3), (200, 90, 20), np.uint8)
    Pillow.fromarray(pixels).save(file, "JPEG", quality=98, subsampling=0, **how)
    return PhotoFile(file.getvalue(), 10**9)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 400), (400, 40), (1500, 2000)])
@pytest.mark.parametrize("place", ["centred", "top-left", "squeezed"])
def test_a_photo_of_any_shape_lies_whole_in_the_frame(height: int, width: int, place: str) -> None:
    card = make_card({"place": place})
    pixels = DETECTOR.prepare(make_photo(height, width), card)["pixels"]
    assert pixels.shape == example_inputs(card)["pixels"].shape[1:]
    inside = (np.abs(pixels.astype(int) - (200, 90, 20)) <= 4).all(axis=2)
    shares = {"squeezed": 1.0}.get(place, min(height, width) / max(height, width))
    assert inside.mean() == pytest.approx(shares, abs=1 / SIDE)


def test_a_turned_photo_is_looked_at_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    photo = make_photo(40, 80, exif=exif)
    assert photo.size == (80, 40)
    pixels = DETECTOR.prepare(photo, make_card())["pixels"]
    assert (pixels[0, SIDE // 2] != 114).any()
    assert (pixels[SIDE // 2, 0] == 114).all()
    answer = DETECTOR.read(say(((32, 32, 32, 64), 0, 0.9)), make_card(), photo.size)
    assert answer.boxes[0].box == (0, 0, 40, 80)


def test_a_graph_of_floats_for_one_photo_is_given_what_its_card_says() -> None:
    stated = {"layout": "float32-nchw", "channels": "bgr", "batched": False, "name": "images"}
    card = make_card(stated | {"mean": (10, 20, 30), "std": (2, 4, 5)})
    array = DETECTOR.prepare(make_photo(90, 90), card)["images"]
    example = example_inputs(card)["images"]
    assert (array.shape, array.dtype) == (example.shape, example.dtype)
    np.testing.assert_allclose(array[0, :, 30, 30], [5, 17.5, 34], atol=1.5)
    whole = {name: value[None] for name, value in say(((32, 32, 10, 10), 1, 0.8)).items()}
    assert [box.label for box in DETECTOR.read(whole, card, (64, 64)).boxes] == ["sofa"]


@pytest.mark.parametrize("case", make_zoo(), ids=lambda case: case.name)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_file_of_any_kind_is_looked_at_or_refused_with_a_reason(case: Case) -> None:
    photo = PhotoFile(case.data, 10**8)
    if case.refusal:
        with pytest.raises(BadImage):
            DETECTOR.prepare(photo, make_card())
    else:
        pixels = DETECTOR.prepare(photo, make_card())["pixels"]
        assert pixels.shape == (SIDE, SIDE, 3)
        assert pixels.dtype == np.uint8


def test_boxes_are_in_pixels_of_the_photo_and_the_surest_first() -> None:
    outputs = say(
        ((32, 32, 16, 8), 1, 0.5), ((16, 32, 8, 8), 0, 0.9), ((33, 32, 16, 8), 1, 0.4),
        ((32, 32, 9, 9), 2, 0.99), ((32, 4, 20, 4), 0, 0.8), ((50, 32, 8, 8), 0, 0.2),
    )  # fmt: skip
    answer = DETECTOR.read(outputs, make_card(), (200, 400))
    assert answer.boxes == (
        Detection("bed", 0.9, (75.0, 75.0, 125.0, 125.0)),
        Detection("sofa", 0.5, (150.0, 75.0, 250.0, 125.0)),
    ), "no copy, no giraffe, nothing in the padding, nothing unsure"
    again = DETECTOR.answer.validate_json(DETECTOR.answer.dump_json(answer))
    assert again == answer
    assert fault_of(answer, make_card()) is None
    assert compare(DETECTOR, make_card(), answer, again).agrees


def test_no_more_boxes_than_the_card_says() -> None:
    many = say(*(((x, y, 2, 2), 0, 0.9) for x in range(4, 60, 8) for y in range(4, 60, 8)))
    assert len(DETECTOR.read(many, make_card(at_most=5), (64, 64)).boxes) == 5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38])
def test_what_is_no_box_is_refused(value: float) -> None:
    outputs = say(((32, 32, 16, 8), 1, 0.5))
    outputs["boxes"][4] = value
    with pytest.raises(ModelFailed):
        DETECTOR.read(outputs, make_card(), (64, 64))
    if not np.isfinite(value):
        outputs["boxes"][4], outputs["boxes"][0] = 0, value
        with pytest.raises(ModelFailed):
            DETECTOR.read(outputs, make_card(), (64, 64))


def test_a_model_that_breaks_its_card_does_not_answer() -> None:
    batch = {name: np.stack([array] * 2) for name, array in say().items()}
    DETECTOR.check(batch, make_card())
    for outputs, card in (
        ({"boxes": batch["boxes"][:, :, :-1]}, make_card()),
        ({"boxes": batch["boxes"].astype(np.float64)}, make_card()),
        ({"boxes": batch["boxes"] + 2}, make_card()),
        ({"boxes": batch["boxes"] * np.nan}, make_card()),
        ({"other": batch["boxes"]}, make_card()),
        (batch, make_card(family="nanodet-plus")),
        (batch, make_card(labels=(LABELS[0], LABELS[0], LABELS[1]))),
    ):
        with pytest.raises(ModelUnavailable):
            DETECTOR.check(outputs, card)
