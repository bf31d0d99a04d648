"""What staging jobs hold of photos, and what they say was done, without a job."""

import sys

import numpy as np

from serving.encoded import Encoded
from serving.perception.upscale import Factor
from serving.photos.enhance.enhance import Enhanced
from serving.requests.staging import StageInput
from serving.staging.process import Staged
from serving.staging.room import Room
from serving.workflows.staged import Look
from serving.workflows.staged_files import edits_of
from tests.serving.staging.drawn_room import BOX, camera_at

PHOTO = np.full((400, 600, 3), 128, np.uint8)


def staged() -> Staged:
    flat = np.zeros(PHOTO.shape[:2])
    return Staged(PHOTO, PHOTO, flat > 0, flat.astype(np.float32))


def test_a_manifest_says_that_a_picture_was_enlarged_only_where_it_was() -> None:
    factor: Factor = 2
    request = StageInput(photos=["a.jpg"], upscale=factor)
    large = Enhanced(PHOTO, {"upscale": {"factor": 2.0}})
    too_large = Enhanced(PHOTO, {}, {"upscale": "it would have 400 megapixels"})
    done = [
        [edit.operation for edit in edits_of(staged(), request, 0.1, one)]
        for one in (large, too_large)
    ]
    assert [("upscale" in operations) for operations in done] == [True, False]


def test_what_was_seen_in_a_photo_waits_in_little_memory() -> None:
    ids = np.zeros((1000, 1600), np.uint8)
    ids[400:, 200:900] = 3
    room = Room(camera_at(yaw_deg=30, pitch_deg=0, roll_deg=0, size=(500, 800)), BOX)
    look = Look(0, "a.jpg", "0" * 64, None, "bedroom", Encoded.of_map(ids), room)
    assert (look.ids == ids).all()
    held = [value for value in vars(look).values() if isinstance(value, Encoded)]
    assert sum(sys.getsizeof(value.data) for value in held) < 50_000
    assert not any(isinstance(value, np.ndarray) for value in vars(look).values())
