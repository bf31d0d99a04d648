import numpy as np
import pytest

from training.depth.scores import align_affine, flatness, score
from training.depth.truth import FARTHEST_M, Truth

ROWS, COLUMNS = np.mgrid[0:60, 0:80].astype(np.float32)
WALL = (1 / (0.2 + 0.002 * COLUMNS + 0.001 * ROWS)).astype(np.float32)
ALL = np.ones(WALL.shape, np.uint8)


def test_a_depth_that_is_off_by_one_factor_is_right() -> None:
    found = score(WALL * 3, Truth(WALL, ALL))
    assert found.abs_rel < 1e-5
    assert found.delta1 == 1
    assert found.flatness < 1e-4


def test_an_inverse_depth_is_right_up_to_its_scale_and_shift() -> None:
    found = score(5 / WALL + 7, Truth(WALL, ALL), inverse=True)
    assert found.abs_rel < 1e-4
    assert align_affine(
        np.array([1.0, 2.0, 3.0], np.float32), np.array([4.0, 2.0, 4 / 3])
    ).tolist() == (pytest.approx([4.0, 2.0, 4 / 3], rel=1e-4))


def test_a_tenth_off_on_half_of_the_pixels_costs_a_twentieth() -> None:
    found = WALL.copy()
    found[:, 41:] *= 1.1
    assert score(found, Truth(WALL, ALL * 0)).abs_rel == pytest.approx(0.05, abs=0.005)


def test_the_sky_is_not_judged() -> None:
    truth = WALL.copy()
    truth[:20] = FARTHEST_M
    found = WALL.copy()
    found[:20] = 1.0
    assert score(found, Truth(truth, ALL * 0)).abs_rel < 1e-5


def test_a_bent_wall_is_not_flat_and_small_parts_are_not_judged() -> None:
    bent = WALL * (1 + 0.1 * np.sin(COLUMNS / 8))
    assert flatness(bent.astype(np.float32), ALL) > 0.02
    few = ALL * 0
    few[:2, :2] = 1
    assert np.isnan(flatness(WALL, few))


def test_each_wall_has_its_own_plane() -> None:
    corner = np.where(COLUMNS < 40, WALL, WALL[:, ::-1]).astype(np.float32)
    apart = np.where(COLUMNS < 40, 1, 2).astype(np.uint8)
    assert flatness(corner, apart) < 1e-4 < flatness(corner, ALL)
