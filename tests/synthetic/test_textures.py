import numpy as np
import pytest

from synthetic.scene import Pattern
from synthetic.textures import DRAWERS, draw_texture

COLORS = ((0.2, 0.3, 0.4), (0.8, 0.7, 0.6), (0.5, 0.5, 0.5), (0.9, 0.9, 0.9), (0.1, 0.1, 0.1))


@pytest.mark.parametrize("kind", sorted(DRAWERS))
def test_draw_texture_draws_the_same_picture_again(kind: str) -> None:
    pattern = Pattern(kind, (1.2, 0.9), COLORS, 3)
    first, again = draw_texture(pattern, 128), draw_texture(pattern, 128)
    assert first.color.shape == (96, 128, 3)
    assert first.color.dtype == np.uint8
    np.testing.assert_array_equal(first.color, again.color)
    assert first.color.std() > 1, "a texture shows something"
    if first.relief is not None:
        assert first.relief.shape == (96, 128)
        assert np.abs(first.relief).max() < 0.1, "relief is in metres"


@pytest.mark.parametrize("kind", ["wood", "marble", "grass", "plaster", "gravel", "large_tiles"])
def test_draw_texture_repeats_without_a_seam(kind: str) -> None:
    grey = draw_texture(Pattern(kind, (1.2, 1.2), COLORS, 5), 256).color.astype(float).mean(axis=2)
    for axis in (0, 1):
        across = np.abs(np.take(grey, 0, axis) - np.take(grey, -1, axis)).mean()
        inside = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis).max()
        assert across <= inside * 1.5 + 1
