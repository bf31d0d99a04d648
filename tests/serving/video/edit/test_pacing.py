from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.video.edit.cut_points import (
    beat_cut_points,
    halve_cut_points,
    make_music,
    steady_cut_points,
)
from serving.video.edit.pacing import CutPoints, Share, choose_cuts, energy_clock, possible_counts


def cost_of(
    cuts: tuple[int, ...], points: CutPoints, shares: list[Share], clock: np.ndarray
) -> float:
    """The cost as the module's docstring states it; infinite outside the bounds."""
    edges = (0, *cuts, points.total)
    total = sum(share.weight for share in shares)
    cost = sum(float(points.costs[np.searchsorted(points.frames, cut)]) for cut in cuts)
    for (low, high), share in zip(pairwise(edges), shares, strict=True):
        if not share.shortest <= high - low <= share.longest:
            return float("inf")
        due = share.weight / total * (clock[-1] - clock[0])
        cost += float(np.log((clock[high] - clock[low]) / due) ** 2)
    return cost


@given(
    st.lists(st.integers(4, 20), min_size=3, max_size=9),
    st.lists(
        st.tuples(st.floats(0.3, 3), st.integers(1, 20), st.integers(20, 90)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 999),
)
def test_place_cuts_finds_the_cheapest_of_all_plans(
    gaps: list[int], bounds: list[tuple[float, int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = np.concatenate([[0], np.cumsum(gaps)])
    points = CutPoints(frames, np.concatenate([[0], rng.random(len(gaps) - 1), [0]]))
    clock = np.concatenate([[0], np.cumsum(rng.random(frames[-1]) + 0.1)])
    shares = [Share(*bound) for bound in bounds]
    plans = combinations(frames[1:-1].tolist(), len(shares) - 1)
    best = min((cost_of(plan, points, shares, clock) for plan in plans), default=float("inf"))
    if np.isinf(best):
        with pytest.raises(BadInput):
            choose_cuts(points, shares, clock)
    else:
        cuts = choose_cuts(points, shares, clock)
        assert cost_of(cuts, points, shares, clock) == pytest.approx(best)


@given(st.lists(st.integers(3, 20), min_size=2, max_size=9), st.integers(1, 25), st.integers(0, 40))
def test_possible_counts_are_those_that_place_cuts_can_fill(
    gaps: list[int], shortest: int, more: int
) -> None:
    points = CutPoints(np.concatenate([[0], np.cumsum(gaps)]), np.zeros(len(gaps) + 1))
    share = Share(1.0, shortest, shortest + more)
    counts = possible_counts(points.frames, share)
    for count in range(1, len(gaps) + 2):
        try:
            choose_cuts(points, [share] * count, np.arange(points.total + 1.0))
        except BadInput:
            assert count not in counts
        else:
            assert count in counts


@given(st.lists(st.floats(-1, 2), max_size=40), st.floats(0.05, 3), st.floats(0, 1))
def test_energy_clock_always_runs_forward_and_keeps_the_length(
    energy: list[float], step_s: float, gain: float
) -> None:
    clock = energy_clock(300, 30.0, np.array(energy), step_s, gain)
    assert clock.shape == (301,)
    assert clock[0] == 0
    assert clock[-1] == pytest.approx(300)
    assert (np.diff(clock) > 0).all()
    assert np.diff(clock).max() <= np.exp(2) * np.diff(clock).min() * (1 + 1e-9)


@given(st.floats(50, 200), st.floats(0, 5), st.floats(10, 60))
def test_beat_places_are_the_frames_nearest_to_beats(
    bpm: float, start_s: float, end_s: float
) -> None:
    beats = np.arange(start_s, end_s, 60 / bpm)
    assume(beats.size > 4)
    points = beat_cut_points(make_music(beats), 1800, 30.0)
    assert points.frames[0] == 0
    assert points.total == 1800
    on_beat = points.costs < 1
    for frame in points.frames[on_beat][1:-1]:
        assert np.abs(beats - frame / 30).min() <= 0.5 / 30 + 1e-9


def test_the_rhythm_goes_on_through_an_intro_and_an_end_without_beats() -> None:
    beats = np.arange(10, 20, 0.5)
    points = beat_cut_points(make_music(beats), 900, 30.0)
    assert np.diff(points.frames).max() <= 2.5 * 15
    assert set(np.diff(points.frames)[1:-1]) == {15}
    outside = (points.frames < 300) | (points.frames > 585)
    assert (points.costs[outside][1:-1] > 1).all(), "they are taken only when nothing else will do"


def test_downbeats_and_sections_cost_less_than_other_beats() -> None:
    beats = np.arange(0.5, 9, 0.5)
    music = make_music(beats, beats[::4], sections_s=[4.6])
    points = beat_cut_points(music, 300, 30.0)
    costs = dict(zip(points.frames.tolist(), points.costs.tolist(), strict=True))
    assert costs[135] < costs[75] < costs[30]


def test_a_beat_on_a_frame_costs_less_than_one_between_two() -> None:
    points = beat_cut_points(make_music([1.0, 2.0 + 0.45 / 30, 3.0 - 0.45 / 30, 4.0]), 150, 30.0)
    costs = dict(zip(points.frames.tolist(), points.costs.tolist(), strict=True))
    assert costs[30] == costs[120] == 0
    assert costs[60] == pytest.approx(costs[90])
    assert 0.05 < costs[60] < 1, "worth moving a cut for, and far better than no beat at all"


def test_cuts_stay_on_the_beat_when_beats_were_heard_five_milliseconds_early() -> None:
    away = []
    for bpm in np.linspace(80, 165, 18):
        beats = np.arange(0.3, 60, 60 / bpm)
        points = beat_cut_points(make_music(beats - 0.005), 1800, 30.0)
        cuts = np.array(choose_cuts(points, [Share(1, 30, 200)] * 20, np.arange(1801.0))) / 30
        away += np.abs(cuts[:, None] - beats).min(axis=1).tolist()
    on_beat = np.mean(np.array(away) <= 0.5 / 30 + 1e-9)
    assert on_beat > 0.93, "0.96, and 0.89 if no beat were preferred for lying near a frame"


def test_steady_places_give_equal_steps_and_short_films_all_their_frames() -> None:
    assert set(np.diff(steady_cut_points(1200, 10).frames)) == {30}
    assert steady_cut_points(3, 10).frames.tolist() == [0, 1, 2, 3]


def test_halve_places_keeps_what_there_was() -> None:
    points = CutPoints(np.array([0, 10, 20]), np.array([0.0, 0.05, 0.0]))
    halved = halve_cut_points(points)
    assert halved.frames.tolist() == [0, 5, 10, 15, 20]
    assert halved.costs[2] == 0.05
    assert halved.costs[1] > 1


@pytest.mark.parametrize(
    ("beats", "step_s"), [([0.0, float("nan")], 0.1), ([0.0, 1.0], 0.0), ([float("inf")], 0.1)]
)
def test_make_music_refuses_what_is_no_number(beats: list[float], step_s: float) -> None:
    with pytest.raises(BadInput):
        make_music(beats, energy_step_s=step_s)
