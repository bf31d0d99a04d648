from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from serving.errors import BadInput
from serving.perception.classes import CLASSES
from synthetic.scene import CATEGORIES
from tests.training.segmenter.toy_teacher import SIDE, toy_teacher
from training.loop.kept import KeptArrays
from training.segmenter.drawn import draw_rooms
from training.segmenter.samples import (
    DrawnViews,
    SqueezedPhotos,
    TaughtPhotos,
    View,
    one_hot,
    taught,
)
from training.segmenter.teacher import GRID, Teacher, TeacherFile, to_groups

WALL, FLOOR, WATER, POOL = (CLASSES.index(name) for name in ("wall", "floor", "water", "pool"))


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    return Teacher(toy_teacher(), SIDE, tmp_path / "teacher")


def half_and_half(height: int = 120, width: int = 90) -> np.ndarray:
    photo = np.full((height, width, 3), 220, np.uint8)
    photo[:, width // 2 :] = 30
    return photo


def test_photo_and_truth_are_cropped_and_mirrored_alike() -> None:
    photo = half_and_half()
    truth = one_hot(np.where(photo[..., 0] > 100, WALL, FLOOR).astype(np.uint8))
    torch.manual_seed(0)
    for _ in range(12):
        pixels, planes, _known = View(64, 0.3).make(photo, truth, known=True)
        assert (pixels.shape, planes.shape) == ((64, 64, 3), (len(CLASSES), 16, 16))
        bright = pixels.float().mean(dim=2).reshape(16, 4, 16, 4).mean(dim=(1, 3))
        middle = (bright.max() + bright.min()) / 2
        sure = planes.max(dim=0).values > 0.99
        agrees = planes.argmax(dim=0).eq(WALL) == (bright > middle)
        assert agrees[sure].float().mean() > 0.9 or bright.max() - bright.min() < 60


def test_the_teacher_is_asked_once(teacher: Teacher, tmp_path: Path) -> None:
    pixels = cv2.resize(half_and_half(), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    first = teacher.ask("a", np.asarray(pixels, np.uint8))
    groups = to_groups(first, len(CLASSES))
    assert first.shape == (32, GRID, GRID)
    assert groups[:, :, 5].argmax(axis=0).tolist() == [WALL] * GRID
    assert groups[:, :, -5].argmax(axis=0).tolist() == [FLOOR] * GRID
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    np.testing.assert_array_equal(Teacher(toy_teacher(), SIDE, tmp_path / "teacher").ask("a", black), first)  # fmt: skip # noqa: E501


def test_water_of_a_photo_that_shows_a_pool_is_a_pool(
    teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = np.zeros((32, GRID, GRID), np.uint8)
    answer[22] = 255
    monkeypatch.setattr(teacher, "recall", lambda _: answer)
    places = [
        int(taught(teacher, {"sha256": "a", "label": label})[:, 0, 0].argmax())
        for label in ("pool", "yard")
    ]
    assert places == [POOL, WATER]


def test_photos_come_with_what_the_teacher_says_and_are_read_once(
    teacher: Teacher, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), half_and_half())
    row = {"uri": file.as_uri(), "sha256": "b", "label": "kitchen"}
    squeezed = SqueezedPhotos(KeptArrays(tmp_path / "squeezed"), 128)
    photos = TaughtPhotos([row], teacher, squeezed, View(64, None))
    for _ in range(2):
        pixels, planes, known = photos[0]
        assert not bool(known)
        assert planes[:, 8, 2].argmax() == WALL
        assert planes[:, 8, -2].argmax() == FLOOR
        assert pixels[8, 2].float().mean() > 200
        file.unlink(missing_ok=True)


def test_drawn_rooms_come_with_their_truth_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))  # has no furniture: all is built from boards
    first, *others = draw_rooms(1)
    assert len(others) == 2
    truth = first.with_name(f"{first.stem}-classes.png")
    cv2.imwrite(str(truth), np.full((192, 256), CATEGORIES.index("washbasin"), np.uint8))
    assert draw_rooms(1) == [first, *others], "what is there is kept"
    rooms = DrawnViews([first], View(64, None))
    pixels, planes, known = rooms[0]
    assert bool(known)
    assert pixels.float().std() > 5, "there is something to see"
    assert planes.argmax(dim=0).eq(CLASSES.index("sink")).all()
    truth.unlink()
    with pytest.raises(BadInput, match="classes"):
        rooms[0]


def test_another_file_than_the_one_that_is_named_teaches_nobody(tmp_path: Path) -> None:
    (tmp_path / "teacher.onnx").write_bytes(toy_teacher())
    named = TeacherFile(location="teacher.onnx", sha256="0" * 64, side=SIDE, licence="own")
    with pytest.raises(BadInput, match="SHA-256"):
        named.open(str(tmp_path), tmp_path)
    with pytest.raises(BadInput, match="STUDIO_DATA"):
        named.open(None, tmp_path)
