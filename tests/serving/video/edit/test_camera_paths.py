from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.render.template_files import shipped_templates
from serving.video.draw.camera import plan_windows
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.camera_paths import (
    PhotoView,
    Window,
    choose_views,
    fit_window,
    spot_on_backdrop,
)
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.templates import MotionStyle, Move
from serving.video.edit.timeline import make_timeline
from serving.video.film import BACKDROP, Clip, View

STYLE = MotionStyle(moves=("zoom_in",), zoom_per_s=0.03, travel_per_s=0.05, max_zoom=0.15)
TEMPLATES = shipped_templates()
FRAMES = [(1920, 1080), (1080, 1920), (1080, 1080), (1080, 1350)]
unit = st.floats(0, 1)
sides = st.integers(16, 9000)


def window_inside(view: View, window: Window) -> bool:
    half_w, half_h = view.scale * window.width / 2, view.scale * window.height / 2
    edges = (view.x - half_w, 1 - view.x - half_w, view.y - half_h, 1 - view.y - half_h)
    return min(edges) >= -1e-9


@given(
    st.tuples(sides, sides),
    st.sampled_from(FRAMES),
    st.lists(st.tuples(unit, unit), max_size=4),
    st.floats(0.03, 60),
    st.integers(0, 9),
    st.sampled_from(["zoom_in", "zoom_out", "pan", "tilt", "still"]),
    st.sampled_from(["sweep", "backdrop"]),
)
def test_choose_views_never_looks_past_an_edge(
    photo: tuple[int, int],
    frame: tuple[int, int],
    focus: list[tuple[float, float]],
    seconds: float,
    turn: int,
    move: Move,
    tall: str,
) -> None:
    style = STYLE.model_copy(update={"tall_photos": tall})
    sight = PhotoView(photo, frame, focus, seconds, turn)
    start, end, fit = choose_views(sight, move, style)
    window = Window(1.0, 1.0) if fit == BACKDROP else fit_window(photo, frame)
    for share in (0.0, 0.3, 0.7, 1.0):
        on_the_way = View(
            *(
                a + (b - a) * share
                for a, b in zip(
                    (start.x, start.y, start.scale), (end.x, end.y, end.scale), strict=True
                )
            )
        )
        assert 0 < on_the_way.scale <= 1
        assert window_inside(on_the_way, window)


@pytest.mark.parametrize("frame", FRAMES)
def test_fit_window_has_the_films_shape(frame: tuple[int, int]) -> None:
    for photo in ((4000, 3000), (3000, 4000), (1600, 900), (500, 5000)):
        window = fit_window(photo, frame)
        shape = window.width * photo[0] / (window.height * photo[1])
        assert shape == pytest.approx(frame[0] / frame[1])
        assert max(window.width, window.height) == 1


def test_zoom_in_ends_at_the_focus_and_out_is_its_reverse() -> None:
    sight = PhotoView((4000, 3000), (1920, 1080), ((0.6, 0.45),), 4.0)
    start, end, _ = choose_views(sight, "zoom_in", STYLE)
    assert start.scale == 1
    assert end.scale == pytest.approx(0.88)
    assert abs(end.x - 0.6) < abs(start.x - 0.6)
    assert choose_views(sight, "zoom_out", STYLE)[:2] == (end, start)


def test_a_longer_clip_moves_further_up_to_the_limit() -> None:
    sight = PhotoView((4000, 3000), (1920, 1080), (), 1.0)
    scales = [
        choose_views(replace(sight, seconds=s), "zoom_in", STYLE)[1].scale for s in (1.0, 3.0, 60.0)
    ]
    assert scales == pytest.approx([0.97, 0.91, 0.85])


def test_pans_alternate_and_keep_their_speed() -> None:
    sight = PhotoView((4000, 3000), (1920, 1080), (), 2.0, 0)
    right = choose_views(sight, "pan", STYLE)
    left = choose_views(replace(sight, turn=1), "pan", STYLE)
    assert right[:2] == left[1::-1]
    assert (right[1].x - right[0].x) / right[0].scale == pytest.approx(0.1, abs=1e-6)


def test_two_focus_points_are_travelled_along_in_order() -> None:
    for focus in (((0.2, 0.5), (0.8, 0.5)), ((0.8, 0.5), (0.2, 0.5))):
        start, end, _ = choose_views(
            PhotoView((4000, 3000), (1920, 1080), focus, 3.0, 1), "pan", STYLE
        )
        assert (end.x - start.x) * (focus[1][0] - focus[0][0]) > 0


def test_a_portrait_photo_in_a_wide_film_is_swept_from_end_to_end_or_shown_whole() -> None:
    sight = PhotoView((3000, 4000), (1920, 1080), ((0.5, 0.3),), 8.0)
    start, end, fit = choose_views(sight, "zoom_in", STYLE)
    assert fit == "fill"
    assert start.scale == end.scale == 1
    height = fit_window(sight.photo, sight.frame).height
    assert sorted((start.y, end.y)) == pytest.approx([height / 2, 1 - height / 2])
    for other in (replace(sight, seconds=2.0), replace(sight, photo=(600, 800))):
        assert choose_views(other, "zoom_in", STYLE)[2] == BACKDROP, "too fast, or too coarse"
    whole = STYLE.model_copy(update={"tall_photos": "backdrop"})
    assert choose_views(sight, "zoom_in", whole)[2] == BACKDROP


PHOTO_SIZES = [(3000, 4000), (4000, 3000), (6000, 4000), (2160, 3840), (3840, 2160), (3000, 3000),
               (8000, 2000), (1200, 6000), (480, 640)]  # fmt: skip


@pytest.mark.parametrize("name", sorted(TEMPLATES))
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("seconds", [None, 12.0])
def test_a_photo_that_would_be_cropped_to_a_strip_is_seen_whole(
    name: str, frame: tuple[int, int], seconds: float | None
) -> None:
    shape = Shape(*frame, Fraction(30))
    photos = [FilmPhoto(str(n), *size) for n, size in enumerate(PHOTO_SIZES)]
    options = EditOptions(frames=round(seconds * 30) if seconds else None)
    timeline = make_timeline(photos, TEMPLATES[name], shape, options)
    for clip, source in zip(timeline.film.clips, timeline.sources, strict=True):
        size = PHOTO_SIZES[source]
        crop = fit_window(size, frame)
        least = 0.9 if min(crop.width, crop.height) < 0.7 else 0.62
        assert share_seen(clip, size, frame) >= least, (size, clip)


def share_seen(clip: Clip, photo: tuple[int, int], frame: tuple[int, int]) -> float:
    """The share of a photo's pixels that lie in some frame's window."""
    around = frame if clip.fit == BACKDROP else photo
    windows = plan_windows(clip.motion, clip.frames, around, frame)
    corner = spot_on_backdrop((0.0, 0.0), photo, frame) if clip.fit == BACKDROP else (0.0, 0.0)
    x, y = (low + (1 - 2 * low) * (np.arange(200) + 0.5) / 200 for low in corner)
    seen = np.zeros((200, 200), bool)
    for left, top, width, height in windows:
        across, down = (x >= left) & (x <= left + width), (y >= top) & (y <= top + height)
        seen |= across[None] & down[:, None]
    return float(seen.mean())


def test_a_small_photo_is_not_enlarged_to_a_blur_but_still_moves() -> None:
    start, end, _ = choose_views(PhotoView((640, 480), (1920, 1080), (), 10.0), "zoom_in", STYLE)
    assert start.scale - end.scale == pytest.approx(0.06)
