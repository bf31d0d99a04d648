import numpy as np
import pytest

from serving.errors import BadInput
from serving.video.draw.transitions import KINDS, draw_transition, parse_colour, transition_time
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.film import Transition
from tests.serving.video.pictures import error, planes, same

DIRECTED = ("slide", "push", "whip", "cube", "page", "fold", "perspective_push")
CASES = [(kind, None) for kind in KINDS] + [
    (kind, direction) for kind in DIRECTED for direction in ("right", "up", "down")
]


def draw(
    kind: str,
    t: float,
    direction: str | None = None,
    size: tuple[int, int] = (64, 48),
    dirt: int = 0,
) -> Planes:
    a, b = planes(size[1], size[0], 1), planes(size[1], size[0], 2)
    out = empty_planes(*size)
    for plane in out:
        plane.fill(dirt)
    params = (("direction", direction),) if direction else ()
    draw_transition(Transition(kind, 10, params), a, b, t, out)
    return out


@pytest.mark.parametrize(("kind", "direction"), CASES)
def test_it_begins_and_ends_with_the_pure_clips(kind: str, direction: str | None) -> None:
    assert same(draw(kind, 0.0, direction), planes(seed=1))
    assert same(draw(kind, 1.0, direction), planes(seed=2))


@pytest.mark.parametrize(("kind", "direction"), [case for case in CASES if case[0] != "cut"])
def test_it_leaves_the_ends_without_a_jump(kind: str, direction: str | None) -> None:
    whole = error(planes(120, 160, 1), planes(120, 160, 2))
    for t, seed in ((0.004, 1), (0.996, 2)):
        near = draw(kind, t, direction, (160, 120))
        assert error(near, planes(120, 160, seed)) < 0.35 * whole


@pytest.mark.parametrize(("kind", "direction"), CASES)
def test_it_writes_every_pixel_and_spares_its_inputs(kind: str, direction: str | None) -> None:
    a, b = planes(seed=1), planes(seed=2)
    params = (("direction", direction),) if direction else ()
    outs = []
    for dirt in (0, 255):
        out = empty_planes(64, 48)
        for plane in out:
            plane.fill(dirt)
        draw_transition(Transition(kind, 10, params), a, b, 0.37, out)
        outs.append(out)
    assert same(*outs), "what was in the frame before shows through"
    assert same(a, planes(seed=1))
    assert same(b, planes(seed=2))


@pytest.mark.parametrize("size", [(16, 16), (90, 160), (162, 90)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_pixel_of_any_even_frame_is_drawn(kind: str, size: tuple[int, int]) -> None:
    for t in (0.1, 0.5, 0.9):
        assert same(*(draw(kind, t, None, size, dirt) for dirt in (0, 255)))


def test_a_wipe_s_edge_moves_where_its_name_says() -> None:
    frame = draw("wipe_left", 0.5, size=(160, 90))
    a, b = planes(90, 160, 1), planes(90, 160, 2)
    assert np.array_equal(frame.y[:, :60], a.y[:, :60])
    assert np.array_equal(frame.y[:, 100:], b.y[:, 100:])


def test_a_dip_shows_the_colour_alone_in_the_middle() -> None:
    out = empty_planes(64, 48)
    dip = Transition("dip", 9, (("colour", "#ff0000"),))
    draw_transition(dip, planes(seed=1), planes(seed=2), 0.5, out)
    assert (int(out.y[0, 0]), int(out.u[0, 0]), int(out.v[0, 0])) == parse_colour("#ff0000")
    assert all(np.ptp(plane) == 0 for plane in out)


@pytest.mark.parametrize(
    "kind",
    [
        Transition("melt", 5),
        Transition("push", 5, (("direction", "inwards"),)),
        Transition("dip", 5, (("colour", "red"),)),
    ],
)
def test_what_it_does_not_know_is_said(kind: Transition) -> None:
    with pytest.raises(BadInput):
        draw_transition(kind, planes(seed=1), planes(seed=2), 0.5, empty_planes(64, 48))


def test_times_are_even_and_never_an_end() -> None:
    times = [transition_time(n, 4) for n in range(4)]
    assert np.allclose(np.diff([0, *times, 1]), 0.2)
