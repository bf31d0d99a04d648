"""The 80 classes of COCO, and what they are called here.

T. Lin et al., "Microsoft COCO: Common objects in context", arXiv:1405.0312.
"""

from serving.card import Label
from serving.perception.things import THINGS, Thing

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
ONLY_RENDERED: frozenset[Thing] = frozenset(("bath", "window"))  # no class of COCO
_CALLED = {"couch": "sofa", "potted plant": "plant", "dining table": "table"}


def coco_labels() -> tuple[Label, ...]:
    """Return the classes in COCO's order, by the names that listings have for them."""
    return tuple(Label(name=_CALLED.get(name, name)) for name in COCO)


def unsaid_labels() -> tuple[str, ...]:
    """Return the classes that no listing asks for: a giraffe indoors is a mistake."""
    return tuple(label.name for label in coco_labels() if label.name not in THINGS)


def learned_labels(rendered: bool) -> tuple[Thing, ...]:
    """Return what can be learned: what two teachers know, and what rendered rooms add."""
    taught = {label.name for label in coco_labels()} | (ONLY_RENDERED if rendered else set())
    return tuple(name for name in THINGS if name in taught)
