import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from serving.card import Label, Map, ModelCard, PhotoInput
from serving.errors import ModelUnavailable
from serving.image import PhotoFile
from serving.models.comparison import compare
from serving.perception.classes import CLASSES
from serving.perception.segment import SEGMENTER, SegmentAnswer
from serving.task import example_inputs

SIDE = 64


def make_card(**changes: object) -> ModelCard:
    card = ModelCard(
        task="segmenter",
        input=PhotoInput(height=SIDE, width=SIDE, mean=(0, 0, 0), std=(1, 1, 1)),
        output=Map(labels=tuple(Label(name=name) for name in CLASSES)),
        licence="own",
        backbone="none",
        precision="fp32",
        data_version="1",
    )
    return card.model_copy(update=changes)


def make_outputs(count: int = 1) -> dict[str, np.ndarray]:
    return {
        "ids": np.ones((count, SIDE, SIDE), np.uint8),
        "logits": np.zeros((count, len(CLASSES), SIDE // 4, SIDE // 4), np.float32),
    }


def make_photo(height: int, width: int) -> PhotoFile:
    file = io.BytesIO()
    pixels = np.full((height, width, 3), 90, np.uint8)
    Pillow.fromarray(pixels).save(file, "JPEG")
    return PhotoFile(file.getvalue(), 10**9)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 400), (400, 40), (1500, 2000)])
def test_a_photo_of_any_shape_fills_the_rectangle(height: int, width: int) -> None:
    photo = make_photo(height, width)
    pixels = SEGMENTER.prepare(photo, make_card())["pixels"]
    assert pixels.shape == (SIDE, SIDE, 3)
    assert np.abs(pixels.astype(int) - 90).max() <= 2, "nothing is padded"


def test_the_answer_says_what_covers_how_much_of_the_photo_and_travels_as_json() -> None:
    outputs = {name: array[0] for name, array in make_outputs().items()}
    outputs["ids"][:16] = CLASSES.index("ceiling")
    answer = SEGMENTER.read(outputs, make_card(), (600, 900))
    assert answer.shares == {"wall": 0.75, "ceiling": 0.25}
    assert (answer.size, answer.classes) == ((600, 900), CLASSES)
    again: SegmentAnswer = SEGMENTER.answer.validate_json(SEGMENTER.answer.dump_json(answer))
    np.testing.assert_array_equal(again.map.array(), outputs["ids"])


def test_two_versions_are_compared_by_their_pixels() -> None:
    first, second = ({name: a[0] for name, a in make_outputs().items()} for _ in range(2))
    second["ids"][:32] = 0
    answers = [SEGMENTER.read(one, make_card(), (10, 10)) for one in (first, second)]
    found = compare(SEGMENTER, make_card(), *answers)
    assert (found.agrees, found.distance) == (False, 0.5)


def test_a_model_of_other_classes_or_shapes_does_not_answer() -> None:
    SEGMENTER.check(make_outputs(2), make_card())
    for outputs, card in (
        (make_outputs(), make_card(output=Map(labels=(Label(name="wall"),)))),
        (make_outputs() | {"ids": np.ones((1, SIDE, 8), np.uint8)}, make_card()),
        (make_outputs() | {"ids": np.full((1, SIDE, SIDE), 99, np.uint8)}, make_card()),
        ({"ids": make_outputs()["ids"]}, make_card()),
    ):
        with pytest.raises(ModelUnavailable):
            SEGMENTER.check(outputs, card)


def test_its_example_is_what_it_prepares() -> None:
    example = example_inputs(make_card())["pixels"]
    prepared = SEGMENTER.prepare(make_photo(50, 70), make_card())["pixels"]
    assert (example.shape[1:], example.dtype) == (prepared.shape, prepared.dtype)


def test_ids_survive_png() -> None:
    ids = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE) % len(CLASSES)
    outputs = {"ids": ids, "logits": make_outputs()["logits"][0]}
    encoded = SEGMENTER.read(outputs, make_card(), (1, 1)).map
    found = cv2.imdecode(np.frombuffer(encoded.data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found, ids)
