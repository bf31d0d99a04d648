"""What staging jobs hold of photos, without a job."""

import sys

import numpy as np

from serving.encoded import Encoded
from serving.staging.room import Room
from serving.workflows.staged import Look
from tests.serving.staging.drawn_room import BOX, camera_at


def test_what_was_seen_in_a_photo_waits_in_little_memory() -> None:
    ids = np.zeros((1000, 1600), np.uint8)
    ids[400:, 200:900] = 3
    room = Room(camera_at(yaw_deg=30, pitch_deg=0, roll_deg=0, size=(500, 800)), BOX)
    look = Look(0, "a.jpg", "0" * 64, None, "bedroom", Encoded.of_map(ids), room)
    assert (look.ids == ids).all()
    held = [value for value in vars(look).values() if isinstance(value, Encoded)]
    assert sum(sys.getsizeof(value.data) for value in held) < 50_000
    assert not any(isinstance(value, np.ndarray) for value in vars(look).values())
