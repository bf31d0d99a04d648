import numpy as np
import pytest

from synthetic.tone import develop, encode_srgb, filmic, middle_tone


def test_develop_exposes_dark_and_bright_rooms_alike() -> None:
    light = np.random.default_rng(0).uniform(0.2, 0.6, (24, 36, 3)).astype(np.float32)
    kept = light.copy()
    dark, bright = develop(light * 0.01), develop(light * 50)
    np.testing.assert_allclose(dark.astype(int), bright.astype(int), atol=1)
    assert 110 < dark.mean() < 215
    np.testing.assert_array_equal(light, kept)


def test_develop_does_not_meter_what_lies_outside() -> None:
    light = np.full((20, 30, 3), 0.3, np.float32)
    light[:, 20:] = 30.0
    outside = np.zeros((20, 30), bool)
    outside[:, 20:] = True
    assert develop(light, outside)[:, :15].mean() > develop(light)[:, :15].mean()


def test_filmic_never_falls_and_stays_in_range() -> None:
    ramp = np.geomspace(1e-4, 100, 200, dtype=np.float32)[:, None].repeat(3, 1)
    curved = filmic(ramp)
    assert (np.diff(curved[:, 0]) >= -1e-6).all()
    assert curved.min() >= 0
    assert curved.max() <= 1


def test_encode_srgb_knows_middle_grey() -> None:
    assert encode_srgb(np.array([0.2140], np.float32)) * 255 == pytest.approx(127.5, abs=0.2)


def test_middle_tone_ignores_a_few_glaring_pixels() -> None:
    light = np.full((10, 10, 3), 0.2, np.float32)
    light[0, :4] = 1000
    assert middle_tone(light) == pytest.approx(0.2, rel=1e-3)
