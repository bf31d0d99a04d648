import numpy as np
import pytest

from serving.errors import BadImage
from serving.photos.enhance.denoise import measure_noise
from serving.photos.enhance.enhance import Origin, enhance
from serving.photos.enhance.presets import OPERATIONS, PRESETS, Preset, Step, plan
from serving.photos.quality.parts import PARTS, Part
from tests.serving.photos.enhance.pictures import lean, relit, room
from tests.serving.photos.enhance.test_operations import ODD

FINE: dict[Part, float] = dict.fromkeys(PARTS, 90.0)


def test_auto_does_nothing_to_a_good_photo() -> None:
    photo = room()
    done = enhance(photo, plan("auto", FINE))
    assert done.photo is photo
    assert done.applied == {}
    assert done.left == {"straighten": "it is upright already"}


def test_auto_does_what_the_parts_of_quality_ask_for_and_no_more() -> None:
    clean = room()
    noise = np.random.default_rng(0).normal(0, 5, clean.shape)
    dark = np.clip(np.rint(relit(lean(clean, 1.2), 1.5) + noise), 0, 255).astype(np.uint8)
    done = enhance(dark, plan("auto", FINE | {"exposure": 35.0, "noise": 50.0}))
    assert list(done.applied) == ["denoise", "exposure", "straighten", "sharpen"]
    assert abs(done.photo.mean() - clean.mean()) < 15 < abs(dark.mean() - clean.mean())
    assert measure_noise(done.photo) < 1 < measure_noise(dark)
    only = enhance(dark, plan("auto", FINE | {"noise": 50.0}))
    assert "exposure" not in only.applied


def test_auto_without_a_model_looks_at_what_it_can_measure() -> None:
    dark = relit(room(), 1.6)
    assert "exposure" in enhance(dark, plan("auto", None)).applied


def test_sharpening_does_not_follow_what_was_not_needed() -> None:
    done = enhance(room(), plan("auto", FINE | {"noise": 60.0}))
    assert done.applied == {}
    assert done.left["sharpen"] == "nothing was done that softens"


def test_presets_list_their_operations_in_the_order_in_which_they_are_done() -> None:
    for steps in PRESETS.values():
        places = [OPERATIONS.index(step.operation) for step in steps]
        assert places == sorted(places)


@pytest.mark.parametrize("preset", ["auto", *PRESETS])
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_photos_keep_their_size_and_break_nothing(preset: Preset, number: int) -> None:
    photo = ODD[number]
    before = photo.copy()
    done = enhance(photo, plan(preset, None), Origin(jpeg_quality=20.0))
    assert done.photo.shape == photo.shape
    assert np.array_equal(photo, before)


def test_what_is_no_photo_is_refused() -> None:
    with pytest.raises(BadImage):
        enhance(np.zeros((90, 90), np.uint8), (Step("sharpen"),))
