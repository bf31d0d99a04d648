"""A photo as a network takes it: squeezed to its rectangle, or in a frame with its proportions."""

import numpy as np

from serving.card import FramedInput, ModelCard, PhotoInput
from serving.image import PhotoFile
from serving.image.frame import Placement, place
from serving.image.squeeze import to_pixels
from serving.task import Inputs, Size


def squeeze_photo(source: PhotoFile, card: ModelCard) -> Inputs:
    """Return `pixels`, uint8 (height, width, 3) of the card's size, of the whole photo."""
    size = card.input_as(PhotoInput)
    image = source.pixels(min_side=max(size.height, size.width))
    return {"pixels": to_pixels(image, size.height, size.width)}


def frame_photo(source: PhotoFile, taken: FramedInput) -> Inputs:
    """Return the array that a network from outside takes, decoded no larger than it fills it."""
    placed = placement_in(source.size, taken)
    framed = placed.fill(source.pixels(min_side=min(placed.inner)), taken.pad)
    if taken.channels == "bgr":
        framed = framed[..., ::-1]
    if taken.layout == "uint8-nhwc":
        array = np.ascontiguousarray(framed)
    else:
        mean, std = (np.array(values, np.float32) for values in (taken.mean, taken.std))
        array = np.ascontiguousarray(((framed - mean) / std).transpose(2, 0, 1))
    return {taken.name: array if taken.batched else array[None]}


def placement_in(photo: Size, taken: FramedInput) -> Placement:
    """Return where in its frame a photo of (height, width) lies."""
    return place((photo[0], photo[1]), (taken.height, taken.width), taken.place)
