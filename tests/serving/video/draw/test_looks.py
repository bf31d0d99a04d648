import numpy as np
import pytest

from serving.errors import BadInput
from serving.video.draw.grade import identity_lut
from serving.video.draw.looks import LOOKS, SIZE, Look, make_look


def grey_ramp(name: str) -> np.ndarray:
    return make_look(name).table[np.arange(SIZE), np.arange(SIZE), np.arange(SIZE)]


def test_a_look_of_zeros_changes_nothing() -> None:
    assert np.abs(make_look(Look()).table - identity_lut(SIZE).table).max() < 1e-6


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_looks_keep_the_order_of_tones_and_a_white_wall_white(name: str) -> None:
    table = make_look(name).table
    assert table.shape == (33, 33, 33, 3)
    assert table.dtype == np.float32
    assert 0 <= table.min() <= table.max() <= 1
    ramp = grey_ramp(name)
    assert (np.diff(ramp, axis=0) > -1e-6).all(), "a lighter grey never gets darker"
    assert ramp[-1].min() > 0.9
    assert ramp[0].max() < 0.08
    steps = np.abs(np.diff(table, axis=0)).max(), np.abs(np.diff(table, axis=2)).max()
    assert max(steps) < 4 / 32, "no step that would show as a band"


@pytest.mark.parametrize("name", ["mono"])
def test_mono_is_grey(name: str) -> None:
    assert np.ptp(make_look(name).table, axis=-1).max() < 1e-6


def test_looks_do_what_their_names_say() -> None:
    middle = {name: grey_ramp(name)[16] for name in LOOKS}
    assert middle["warm"][0] > middle["warm"][2] + 0.03
    assert middle["cool"][2] > middle["cool"][0] + 0.03
    assert middle["bright"].mean() > 0.54
    assert grey_ramp("film")[0].min() > 0.02
    assert grey_ramp("crisp")[24].mean() - grey_ramp("crisp")[8].mean() > 0.52


def test_make_look_names_the_looks_there_are() -> None:
    with pytest.raises(BadInput, match="mono"):
        make_look("sepia")
