"""Blocks of a texture: what is fine is kept, what does not go on is made weaker."""

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.staging.clear.quilt import Texture, quilt

SIZE = (160, 240)


def quilted(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    known = np.ones(SIZE, bool)
    known[40:120, 100:200] = False
    there = Texture(values * known[..., None], known, ~known, np.ones(SIZE, np.float32))
    return quilt(there, 40), ~known


def grey(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def test_a_pattern_that_goes_on_keeps_its_strength() -> None:
    x = np.arange(SIZE[1])
    values = grey(np.tile(0.3 * np.sin(x / 20 * 2 * np.pi), (SIZE[0], 1)))
    made, need = quilted(values)
    assert made[need].std() > 0.8 * values[need].std()


def test_a_carpet_keeps_its_strength_though_no_two_places_of_it_are_alike() -> None:
    values = grey(np.random.default_rng(0).normal(0, 0.2, SIZE))
    made, need = quilted(values)
    assert made[need].std() > 0.75 * values[need].std()


def test_patches_that_do_not_meet_are_made_weaker() -> None:
    debris = np.random.default_rng(2).normal(0, 0.3, (20, 30))
    cells = cv2.resize(debris, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    values = grey(np.asarray(cells, np.float64))
    made, need = quilted(values)
    assert made[need].std() < 0.75 * values[need].std()
