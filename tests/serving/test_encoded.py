"""Maps and pictures travel as files within their answer, and large ones as objects."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydantic import TypeAdapter

from serving.encoded import Encoded
from serving.errors import BadInput, ObjectNotFound
from serving.models.large_answers import LARGE_BYTES, has_stored, load_stored, store_large
from serving.storage.objects import Storage
from tests.fakes import RED, picture

PLANES = array_shapes(min_dims=2, max_dims=2, max_side=20)
MAPS = st.sampled_from([np.bool_, np.uint8, np.uint16]).flatmap(lambda kind: arrays(kind, PLANES))
MEASURES = arrays(np.float32, array_shapes(max_dims=3, max_side=9))


@dataclass(frozen=True)
class Depths:
    name: str
    near: Encoded
    others: tuple[Encoded, ...]


ANSWER = TypeAdapter(Depths)


@given(MAPS | MEASURES)
def test_a_map_comes_back_without_loss(values: np.ndarray) -> None:
    sent = Encoded.model_validate_json(Encoded.of_map(values).model_dump_json())
    np.testing.assert_array_equal(sent.array(), values)


def test_a_picture_comes_back_as_it_was_or_nearly() -> None:
    image = picture(RED, 60, 40)
    np.testing.assert_array_equal(Encoded.of_picture(image, lossless=True).array(), image)
    near = Encoded.of_picture(image).array()
    assert np.abs(near.astype(int) - image).mean() < 12
    assert near.mean(axis=(0, 1)).argmax() == 0, "red stays red"


@pytest.mark.parametrize("kind", ["image/png", "image/webp", "application/x-npy+deflate"])
@pytest.mark.parametrize("data", [b"", b"damaged"])
def test_a_damaged_or_absent_file_is_said_to_be(kind: str, data: bytes) -> None:
    with pytest.raises(BadInput):
        Encoded.model_validate({"media_type": kind, "data": data}).array()


def test_only_what_is_large_lies_in_the_storage_and_comes_back(storage: Storage) -> None:
    random = np.random.default_rng(0)
    small = Encoded.of_map(random.integers(0, 255, (16, 16), np.uint8))
    large = Encoded.of_map(random.random((300, 300)).astype(np.float32))
    assert len(large.data) > LARGE_BYTES > len(small.data)
    answer = Depths("room", small, (large, small))
    kept = store_large(answer, storage)
    assert kept.near is small
    assert (kept.others[0].data, kept.others[0].key[:12]) == (b"", "predictions/")
    assert has_stored(kept)
    assert not has_stored(answer)
    again = ANSWER.validate_python(ANSWER.dump_python(kept, mode="json"))
    assert again == kept
    assert load_stored(again, storage) == answer
    with pytest.raises(BadInput, match="lies in the object"):
        again.others[0].array()
    storage.delete(kept.others[0].key)
    with pytest.raises(ObjectNotFound):
        load_stored(again, storage)


def test_an_answer_without_maps_is_the_same_object(storage: Storage) -> None:
    answer = Depths("room", Encoded.of_map(np.zeros((2, 2), np.uint8)), ())
    assert store_large(answer, storage) is answer
    assert store_large(3.5, storage) == 3.5
