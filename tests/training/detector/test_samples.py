import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from serving.errors import BadInput
from serving.perception.detect import Detection
from synthetic.scene import CATEGORIES
from training.detector.agreement import Taught
from training.detector.coco import ONLY_RENDERED, learned_labels
from training.detector.loss import assign, detection_loss
from training.detector.network import cell_middles
from training.detector.rooms import list_rooms, read_room
from training.detector.samples import View, unpack

LABELS = learned_labels(rendered=False)
SOFA = LABELS.index("sofa")


def make_photo() -> np.ndarray:
    photo = np.full((120, 200, 3), 30, np.uint8)
    photo[40:80, 60:140] = (250, 240, 20)
    return photo


def taught(*unsure: Detection) -> Taught:
    return Taught(size=(240, 400), agreed=(Detection("sofa", 0.8, (120, 80, 280, 160)),),
                  unsure=unsure)  # fmt: skip


@pytest.mark.parametrize("least_area", [None, 0.7])
def test_boxes_lie_where_the_things_are_whatever_is_cut_off(least_area: float | None) -> None:
    for seed in range(8):
        torch.manual_seed(seed)
        pixels, rows, known = View(96, least_area, LABELS).make(
            make_photo(), taught(), ONLY_RENDERED
        )
        truth = unpack(rows, known)
        assert truth.labels.tolist() == [SOFA]
        left, top, right, bottom = (round(float(edge)) for edge in truth.boxes[0])
        shape = pixels.float()
        inside = shape[top + 2 : bottom - 2, left + 2 : right - 2].mean()
        outside = torch.cat(
            [shape[:, : max(left - 3, 1)].flatten(), shape[:, right + 3 :].flatten()]
        )
        spread = (shape.amax(dim=2) - shape.amin(dim=2)).mean()
        assert inside > outside.mean() or spread < 1, "grey, at most"


def test_labels_that_are_not_learned_and_what_is_unsure_are_doubts() -> None:
    view = View(96, None, ("bed",))
    _, rows, known = view.make(
        make_photo(), taught(Detection("bed", 0.3, (0, 0, 40, 40))), frozenset()
    )
    truth = unpack(rows, known)
    assert not len(truth.boxes)
    assert len(truth.doubts) == 2


def test_what_photos_do_not_teach_is_known_of_none() -> None:
    labels = learned_labels(rendered=True)
    _, rows, known = View(96, None, labels).make(make_photo(), taught(), ONLY_RENDERED)
    unknown = {
        name for name, there in zip(labels, unpack(rows, known).known, strict=True) if not there
    }
    assert unknown == {"bath", "window"}


def test_cells_learn_of_the_thing_they_lie_in_and_doubts_cost_nothing() -> None:
    middles = cell_middles(96)
    _, rows, known = View(96, None, LABELS).make(make_photo(), taught(), ONLY_RENDERED)
    truth = unpack(rows, known)
    corners = truth.boxes.expand(len(middles), 4).clone()
    place, quality = assign(
        torch.full((len(middles), len(LABELS)), 0.5), corners, middles, truth, 9
    )
    learning = middles[place == 0]
    left, top, right, bottom = truth.boxes[0]
    assert 1 <= len(learning) <= 9
    assert bool(((learning[:, 0] > left) & (learning[:, 0] < right)).all())
    assert bool(((learning[:, 1] > top) & (learning[:, 1] < bottom)).all())
    assert float(quality.max()) == pytest.approx(1, abs=0.01)

    said = torch.full((1, len(middles), len(LABELS)), -2.0, requires_grad=True)
    everywhere = torch.tensor([[0.0, 0.0, 96.0, 96.0]])
    doubtful = type(truth)(truth.boxes[:0], truth.labels[:0], truth.weights[:0], everywhere, known)
    labels, boxes = detection_loss(said, corners[None], middles, [doubtful], 9)
    assert float(labels.detach()) == 0 == float(boxes.detach())


def test_a_right_answer_costs_less_than_a_wrong_one() -> None:
    middles = cell_middles(96)
    _, rows, known = View(96, None, LABELS).make(make_photo(), taught(), ONLY_RENDERED)
    truth = unpack(rows, known)
    fit = truth.boxes.expand(1, len(middles), 4).clone()
    place, _ = assign(torch.full((len(middles), len(LABELS)), 0.5), fit[0], middles, truth, 9)
    right = torch.full((1, len(middles), len(LABELS)), -6.0)
    right[0, place == 0, SOFA] = 6.0
    wrong = torch.full_like(right, -6.0)
    wrong[0, place == 0, LABELS.index("bed")] = 6.0
    shifted = fit + 10
    costs = [
        [float(part) for part in detection_loss(logits, corners, middles, [truth], 9)]
        for logits, corners in ((right, fit), (wrong, fit), (right, shifted))
    ]
    assert costs[0][0] < costs[1][0]
    assert costs[0][1] < costs[2][1]


def test_a_rendered_room_says_its_boxes(tmp_path: Path) -> None:
    room = tmp_path / "0001"
    room.mkdir()
    instances, classes = np.zeros((60, 80), np.uint16), np.zeros((60, 80), np.uint8)
    for number, (name, part) in enumerate(
        {"bathtub": np.s_[20:40, 10:50], "stool": np.s_[5:15, 60:70], "rug": np.s_[45:55, 5:70],
         "bed": np.s_[59:60, 79:80]}.items(), start=1,
    ):  # fmt: skip
        instances[part], classes[part] = number, CATEGORIES.index(name)
    cv2.imwrite(str(room / "instances.png"), instances)
    cv2.imwrite(str(room / "classes.png"), classes)
    (room / "scene.json").write_text(json.dumps({"classes": list(CATEGORIES)}))
    found = read_room(list_rooms(tmp_path)[0])
    assert found.agreed == (Detection("bath", 1.0, (10, 20, 50, 40)),), "no speck of a bed"
    assert [one.label for one in found.unsure] == ["chair"]
    with pytest.raises(BadInput):
        list_rooms(room)
