from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.render.template_files import shipped_templates
from serving.video.edit.assembly import CARD, Edit, EditOptions, Shape
from serving.video.edit.cut_points import Music, make_music
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.timeline import make_timeline, wanted_frames
from serving.video.film import check_film

WIDE = Shape(1920, 1080, Fraction(30))
TEMPLATES = shipped_templates()


def make_photos(count: int, **fields: object) -> list[FilmPhoto]:
    return [FilmPhoto(f"p{n}", 1600, 1200, **fields) for n in range(count)]  # type: ignore[arg-type]


def make_track(bpm: float, seconds: float, start_s: float = 0.0) -> Music:
    beats = np.arange(start_s, seconds, 60 / bpm)
    energy = 0.5 + 0.5 * np.sin(np.arange(0, seconds, 0.1) / 5)
    return make_music(beats, beats[::4], energy, 0.1, [beats[16]] if beats.size > 16 else [])


shapes = st.builds(
    Shape,
    st.sampled_from([640, 1080, 1920]),
    st.sampled_from([640, 1080, 1350, 1920]),
    st.sampled_from(
        [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]
    ),
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(TEMPLATES)),
    st.lists(st.floats(0.1, 5), min_size=1, max_size=30),
    shapes,
    st.floats(3, 90),
    st.one_of(st.none(), st.tuples(st.floats(55, 190), st.floats(0, 15))),
    st.booleans(),
)
def test_make_timeline_keeps_length_dwell_and_beats(
    name: str,
    weights: list[float],
    shape: Shape,
    seconds: float,
    track: tuple[float, float] | None,
    cards: bool,
) -> None:
    template = TEMPLATES[name]
    photos = [FilmPhoto(f"p{n}", 1600, 1200, w) for n, w in enumerate(weights)]
    frames = round(seconds * shape.fps)
    music = make_track(track[0], seconds, track[1]) if track else None
    options = EditOptions(frames, "intro" if cards else None, "outro" if cards else None)

    timeline = make_timeline(photos, template, shape, options, music)

    check_film(timeline.film)
    assert timeline.film.frames == frames, "the length is exact to the frame"
    spans = [timeline.span(i) for i in range(len(timeline.sources))]
    dwells = [
        b - a for (a, b), source in zip(spans, timeline.sources, strict=True) if source != CARD
    ]
    room = frames // 3 if cards else frames
    shortest = min(round(template.pacing.min_dwell_s * shape.fps), room)
    assert min(dwells) >= shortest
    assert max(dwells) <= max(int(template.pacing.max_dwell_s * shape.fps), 2 * shortest)
    for transition, cut, start in zip(
        timeline.film.transitions, timeline.cuts, timeline.film.starts[1:], strict=True
    ):
        assert start + transition.frames / 2 == cut, "a transition is centred on its cut"
    again = make_timeline(photos, template, shape, options, music)
    assert again == timeline, "the same arguments give the same film"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(TEMPLATES)),
    st.floats(60, 180),
    st.integers(1, 40),
    st.floats(0, 0.02),
    st.integers(0, 99),
)
def test_every_cut_is_within_half_a_frame_of_a_beat(
    name: str, bpm: float, count: int, drift_s: float, seed: int
) -> None:
    steps = 60 / bpm + np.random.default_rng(seed).normal(0, drift_s, 400)
    beats = np.cumsum(steps)
    beats = beats[beats < 60]
    timeline = make_timeline(
        make_photos(count), TEMPLATES[name], WIDE, EditOptions(1800), make_music(beats)
    )
    for cut in timeline.cuts:
        assert np.abs(beats - cut / 30).min() <= 0.5 / 30 + 1e-9


def test_200_photos_in_a_minute_leave_out_the_lightest_and_say_so() -> None:
    photos = [FilmPhoto(f"p{n}", 1600, 1200, 3.0 if n % 10 == 0 else 1.0) for n in range(200)]
    timeline = make_timeline(
        photos, TEMPLATES["energetic"], WIDE, EditOptions(1800), make_track(120, 60)
    )
    shown = {photos[i].name for i in timeline.sources}
    assert shown | {photos[i].name for i in timeline.left_out} == {p.name for p in photos}
    assert {photo.name for photo in photos if photo.weight == 3} <= shown
    assert len(timeline.left_out) >= 100


def test_200_photos_without_a_length_are_all_shown() -> None:
    timeline = make_timeline(make_photos(200), TEMPLATES["modern"], WIDE, EditOptions(), None)
    assert not timeline.left_out
    assert timeline.film.frames == 200 * 90


def test_one_photo_fills_a_minute_with_changing_views() -> None:
    timeline = make_timeline(make_photos(1), TEMPLATES["calm"], WIDE, EditOptions(1800))
    motions = [clip.motion for clip in timeline.film.clips]
    assert timeline.film.frames == 1800
    assert all(a != b for a, b in pairwise(motions))


def test_repeated_photos_never_follow_themselves() -> None:
    for count in range(2, 8):
        sources = make_timeline(
            make_photos(count), TEMPLATES["energetic"], WIDE, EditOptions(1800)
        ).sources
        assert all(a != b for a, b in pairwise(sources))


def test_loud_passages_are_cut_faster() -> None:
    beats = np.arange(0, 60, 0.25)
    energy = np.where(np.arange(600) < 300, 0.1, 0.9)
    music = make_music(beats, energy=energy)
    cuts = np.array(
        make_timeline(make_photos(30), TEMPLATES["energetic"], WIDE, EditOptions(1800), music).cuts
    )
    assert (cuts > 900).sum() > 1.8 * (cuts < 900).sum()


def test_a_hero_photo_stays_longer() -> None:
    photos = [FilmPhoto(f"p{n}", 1600, 1200, 3.0 if n == 4 else 1.0) for n in range(10)]
    for music in (None, make_track(120, 40)):
        timeline = make_timeline(photos, TEMPLATES["modern"], WIDE, EditOptions(1200), music)
        dwells = [b - a for a, b in (timeline.span(i) for i in range(10))]
        assert dwells[4] > 1.4 * np.median(dwells)


def test_without_music_ordinary_photos_get_equal_time() -> None:
    timeline = make_timeline(make_photos(7), TEMPLATES["classic"], WIDE, EditOptions(700))
    dwells = [b - a for a, b in (timeline.span(i) for i in range(7))]
    assert dwells == [100] * 7


def test_cuts_prefer_downbeats() -> None:
    timeline = make_timeline(
        make_photos(15), TEMPLATES["modern"], WIDE, EditOptions(1800), make_track(128, 60)
    )
    bars = np.arange(0, 60, 4 * 60 / 128) * 30
    on_bar = sum(np.abs(bars - cut).min() <= 0.5 for cut in timeline.cuts)
    assert on_bar >= 0.6 * len(timeline.cuts)


def test_a_changed_photo_changes_only_its_clip() -> None:
    photos = make_photos(12)
    changed = [*photos[:5], FilmPhoto("new", 900, 1600), *photos[6:]]
    before, after = (
        make_timeline(p, TEMPLATES["modern"], WIDE, EditOptions(1080), make_track(120, 36))
        for p in (photos, changed)
    )
    differ = [
        i
        for i, (a, b) in enumerate(zip(before.film.clips, after.film.clips, strict=True))
        if a != b
    ]
    assert differ == [5]
    assert before.film.transitions == after.film.transitions


def test_keep_all_rather_cuts_between_beats_than_leaves_photos_out() -> None:
    slow = make_music(np.arange(0, 20, 1.5))
    photos = make_photos(15)
    short, whole = (
        make_timeline(photos, TEMPLATES["energetic"], WIDE, EditOptions(600, keep_all=keep), slow)
        for keep in (False, True)
    )
    assert short.left_out
    assert not whole.left_out


def test_cards_open_and_close_the_film() -> None:
    timeline = make_timeline(
        make_photos(5),
        TEMPLATES["luxury"],
        WIDE,
        EditOptions(None, "in", "out"),
        make_track(90, 60),
    )
    assert [timeline.film.clips[i].photo for i in (0, -1)] == ["in", "out"]
    assert timeline.sources[0] == timeline.sources[-1] == CARD


def test_wanted_frames_ends_on_a_downbeat() -> None:
    music = make_track(117, 90)
    frames = wanted_frames(make_photos(12), TEMPLATES["modern"], WIDE, EditOptions(), music)
    assert np.abs(music.downbeats_s * 30 - frames).min() <= 0.5
    assert abs(frames - 12 * 90) < 0.1 * 12 * 90


@pytest.mark.parametrize(
    ("photos", "options"),
    [
        ([], EditOptions()),
        ([FilmPhoto("a", 0, 4)], EditOptions()),
        ([FilmPhoto("a", 4, 3, weight=-1)], EditOptions()),
        ([FilmPhoto("a", 4, 3, focus=((2.0, 0.5),))], EditOptions()),
        (make_photos(1), EditOptions(1)),
        (make_photos(1), EditOptions(10**9)),
    ],
    ids=["none", "empty", "weight", "focus", "too short", "too long"],
)
def test_make_timeline_refuses(photos: list[FilmPhoto], options: EditOptions) -> None:
    with pytest.raises(BadInput):
        make_timeline(photos, TEMPLATES["calm"], WIDE, options)


def test_silence_and_single_beats_give_a_steady_rhythm() -> None:
    plain = make_timeline(make_photos(4), TEMPLATES["calm"], WIDE, EditOptions(480))
    for music in (make_music([]), make_music([3.0])):
        assert (
            make_timeline(make_photos(4), TEMPLATES["calm"], WIDE, EditOptions(480), music) == plain
        )


edits = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0.05, 9), st.sampled_from(["cut", "wipe_left", None])),
    min_size=1,
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(edits, shapes, st.booleans())
def test_a_timeline_cut_by_hand_keeps_every_cut(
    clips: list[tuple[int, float, str | None]], shape: Shape, cards: bool
) -> None:
    options = EditOptions(
        intro="intro" if cards else None,
        edits=(
            *([Edit(CARD, 2.0)] if cards else []),
            *(
                Edit(photo, length_s, None, (kind, 0.3 * (kind != "cut"), ()) if kind else None)
                for photo, length_s, kind in clips
            ),
        ),
    )
    photos = make_photos(4)
    if min(length_s for _, length_s, _ in clips) <= 0.6:  # too short for two transitions, perhaps
        with suppress(BadInput):
            make_timeline(photos, TEMPLATES["calm"], shape, options)
        return
    timeline = make_timeline(photos, TEMPLATES["calm"], shape, options)
    ends_s = np.cumsum([edit.length_s for edit in options.edits])
    ends = np.rint(ends_s * float(shape.fps))
    assert [*timeline.cuts, timeline.film.frames] == ends.tolist(), "no cut drifts"
    shown = [clip.photo for clip in timeline.film.clips]
    assert shown[cards:] == [f"p{photo}" for photo, _, _ in clips]
    assert {f"p{i}" for i in timeline.left_out} == {"p0", "p1", "p2", "p3"} - set(shown)
    for edit, transition in zip(options.edits, timeline.film.transitions, strict=False):
        assert edit.transition is None or transition.kind == edit.transition[0]
