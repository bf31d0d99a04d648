"""What was traced comes back to the photo's pixels without what nobody saw."""

import numpy as np

from serving.render.rooms.grid import Grid
from serving.staging.furnish.scene import Crop

CROP = Crop(10, 20, 110, 100)


def test_no_black_line_is_drawn_around_a_bright_window() -> None:
    grid = Grid.over(CROP, 0.8)
    traced = np.full((*grid.size, 3), 0.2, np.float32)
    traced[:, 30:50] = 5.0
    assert grid.bring(traced).min() < 0.1, "a cubic swings"
    light = grid.bring_light(traced)
    assert light.shape == (*CROP.size, 3)
    assert np.isclose(light.min(), 0.2, atol=1e-5)
    assert np.isclose(light.max(), 5.0, atol=1e-4)


def test_slopes_come_back_as_a_cubic_has_them() -> None:
    grid = Grid.over(CROP, 0.5)
    columns = np.sin(np.arange(grid.size[1]) / 6)
    traced = np.broadcast_to(columns[None, :, None] + 1, (*grid.size, 3)).astype(np.float32)
    inner = np.s_[:, 6:-6]
    assert np.abs(grid.bring_light(traced) - grid.bring(traced))[inner].max() < 0.02
