from collections.abc import Sequence

import numpy as np
import pytest

from serving.budget import DECODING
from serving.card import ArrayInput, ArraySpec, ModelCard, Picture
from serving.errors import TooLarge
from serving.image import Image, PhotoFile, decode
from serving.perception.upscale import UPSCALER, Factor, Tile
from serving.photos.enhance.enhance import Enhanced
from serving.photos.enhance.file import EnhancedFile, Wanted, enhance_file
from serving.photos.enhance.presets import Preset
from serving.photos.enhance.upscale import Upscaling
from serving.photos.quality.task import QualityAnswer
from tests.serving.photos.enhance.pictures import relit, room
from tests.serving.photos.enhance.test_file import DARK, FINE, PIXELS, exif, saved


class Repeats:
    """Repeats each pixel; notes the most that the process held meanwhile."""

    card = ModelCard(
        task=UPSCALER.name,
        input=ArrayInput(
            arrays=(ArraySpec(name="pixels", dtype="uint8", shape=("n", "h", "w", 3)),)
        ),
        output=Picture(scale=2),
        parameters={"reach": 1},
        licence="MIT",
        backbone="-",
        precision="fp32",
        data_version="1",
    )
    held = 0

    def __call__(self, tiles: Sequence[Tile]) -> list[Image]:
        self.held = max(self.held, DECODING.held)
        return [tile.pixels.repeat(2, axis=0).repeat(2, axis=1) for tile in tiles]


def enlarged(
    data: bytes,
    factor: Factor = 2,
    preset: Preset = "none",
    most: int = PIXELS,
    judged: tuple[QualityAnswer, QualityAnswer] | None = None,
    model: Repeats | None = None,
) -> EnhancedFile:
    before, after = judged or (None, None)
    wanted = Wanted(preset, upscaling=Upscaling(factor, model or Repeats(), most))
    return enhance_file(PhotoFile(data, PIXELS), wanted, lambda _: after, PIXELS, before)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_photo_has_more_pixels_and_tells_what_it_told(factor: Factor) -> None:
    data = saved(room(), exif=exif())
    done = enlarged(data, factor)
    assert done.size == (factor * 960, factor * 720)
    assert dict(done.applied) == {"upscale": {"factor": factor}}
    made = decode(done.data, PIXELS)
    assert made.shape == (factor * 720, factor * 960, 3)
    small = made.reshape(720, factor, 960, factor, 3).mean(axis=(1, 3))
    assert np.abs(small - decode(data, PIXELS)).mean() < 3
    assert b"Canon" in done.data


def test_it_comes_after_all_else() -> None:
    done = enlarged(saved(relit(room(), 1.5)), preset="bright")
    assert list(done.applied)[-1] == "upscale"
    assert "exposure" in done.applied
    assert done.size == (1920, 1440)


def test_what_is_asked_for_is_done_also_where_the_judge_prefers_the_photo_as_it_was() -> None:
    dark, worse = saved(relit(room(), 1.5)), QualityAnswer(10.0, DARK.parts, {}, None, "")
    done = enlarged(dark, preset="auto", judged=(DARK, worse))
    assert list(done.applied) == ["upscale"]
    assert "it stays as it was" in done.left["exposure"]
    assert decode(done.data, PIXELS).mean() == pytest.approx(decode(dark, PIXELS).mean(), abs=1)


def test_a_photo_that_would_be_too_large_is_left_and_says_so() -> None:
    data = saved(room())
    done = enlarged(data, most=2_000_000, judged=(FINE, FINE))
    assert done.data == data
    assert done.left["upscale"] == "it would have 2.8 megapixels, where 2.0 are the most"


def test_memory_is_held_for_all_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = Repeats(), saved(room())
    enlarged(data, 4, model=model)
    pixels = 960 * 720
    assert model.held >= (60 + 6 * 16) * pixels
    monkeypatch.setattr(DECODING, "limit", model.held - 1)
    with pytest.raises(TooLarge):
        enlarged(data, 4)
    assert DECODING.held == 0


def test_the_photo_given_is_not_changed() -> None:
    photo = room()
    made = Upscaling(2, Repeats(), PIXELS).apply(Enhanced(photo))
    np.testing.assert_array_equal(photo, room())
    assert made.photo.shape == (1440, 1920, 3)
