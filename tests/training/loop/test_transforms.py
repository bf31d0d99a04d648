"""What varies photos takes masks and boxes along, and repeats itself."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors

from training.loop.transforms import to_array, to_image
from training.room_classifier.augmentation import Augmentation, make_chain

SIDE = 64
GEOMETRY = Augmentation(
    quarter_turn=0.8, low_resolution=0.5, jpeg=0, blur=0, sharpen=0, light=0, grey=0, noise=0
)


def make_sample() -> tuple[tv_tensors.Image, tv_tensors.Mask, tv_tensors.BoundingBoxes]:
    """Return a white rectangle on black, as pixels, as a mask and as a box."""
    photo, (top, left, bottom, right) = np.zeros((120, 200, 3), np.uint8), (30, 60, 90, 150)
    photo[top:bottom, left:right] = 255
    mask = tv_tensors.Mask(torch.from_numpy(photo[..., 0] > 127).to(torch.uint8))
    box = torch.tensor([[left, top, right, bottom]], dtype=torch.float32)
    boxes = tv_tensors.BoundingBoxes(
        box, format=tv_tensors.BoundingBoxFormat.XYXY, canvas_size=(120, 200)
    )
    return to_image(photo), mask, boxes


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_masks_and_boxes_move_with_the_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    photo, mask, boxes = make_chain(SIDE, GEOMETRY)(make_sample(), random)
    white = to_array(photo)[..., 0] > 127
    assert mask.shape == (SIDE, SIDE)
    assert boxes.canvas_size == (SIDE, SIDE)
    both = white & mask.numpy().astype(bool)
    either = white | mask.numpy().astype(bool)
    assert both.sum() >= 0.8 * either.sum(), "the mask lies on the rectangle"
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert np.abs(boxes.numpy()[0] - found).max() <= 3.5, "and so does the box"


def test_a_chain_repeats_itself_and_leaves_its_input_alone() -> None:
    sample = make_sample()
    before = to_array(sample[0]).copy()
    chain = make_chain(SIDE, Augmentation())
    first, second = (chain(sample, np.random.default_rng(3)) for _ in range(2))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(first, second, strict=True))
    assert np.array_equal(to_array(sample[0]), before)
