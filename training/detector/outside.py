"""Detectors that others trained on COCO: how each takes a photo, and how it says its boxes."""

from dataclasses import dataclass

from serving.card import Boxes, FramedInput, Label
from training.detector.coco import coco_labels, learned_labels, unsaid_labels

# mean and deviation of blue, green and red, 0..255, as nanodet's configurations have them
_BGR_MEAN, _BGR_STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


@dataclass(frozen=True)
class Contract:
    """What the card of a detector from outside says.

    Attributes
    ----------
    name : of the architecture
    """

    name: str
    taken: FramedInput
    given: Boxes


def _boxes(**changes: object) -> Boxes:
    stated = {"labels": coco_labels(), "unsaid": unsaid_labels(), "overlap_below": 0.6}
    return Boxes.model_validate(stated | changes)


def _frame(name: str, side: int, **changes: object) -> FramedInput:
    frame = {"height": side, "width": side, "channels": "bgr", "layout": "float32-nchw"}
    return FramedInput.model_validate({"name": name, "batched": False} | frame | changes)


YOLOX_NANO = Contract(
    "yolox-nano",
    _frame("images", 416, place="top-left"),
    _boxes(family="yolox", arrays=("output",), score_above=0.3),
)
NANODET = Contract(
    "nanodet-plus-m",
    _frame("data", 416, place="top-left", pad=0, mean=_BGR_MEAN, std=_BGR_STD),
    _boxes(family="nanodet-plus", arrays=("scores", "dist"), strides=(8, 16, 32, 64),
           score_above=0.35),
)  # fmt: skip
FASTESTDET = Contract(
    "fastestdet",
    _frame("input.1", 352, place="squeezed", std=(255.0, 255.0, 255.0)),
    _boxes(family="fastestdet", arrays=("758",), strides=(16,), score_above=0.5),
)
# As ultralytics exports what `training.detector.yolo` trained: AGPL-3.0, if anybody asks for one.
YOLO = Contract(
    "ultralytics-yolo",
    _frame("images", 320, channels="rgb", std=(255.0, 255.0, 255.0)),
    Boxes(
        labels=tuple(Label(name=name) for name in learned_labels(rendered=False)),
        score_above=0.3,
        overlap_below=0.6,
        arrays=("output0",),
    ),
)
CONTRACTS = {one.name: one for one in (YOLOX_NANO, NANODET, FASTESTDET, YOLO)}
