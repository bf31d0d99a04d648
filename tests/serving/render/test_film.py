import dataclasses
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from serving.errors import BadInput
from serving.image import decode as decode_photo
from serving.render.cache import MemoryCache
from serving.render.film import Options, Rendered, render_film
from serving.render.frames import MAX_PIXELS, BadPhoto, FrameRenderer, needed_side, photo_size
from serving.render.mux import Chapter
from serving.render.pool import RenderCancelled, RenderControl
from serving.render.segments import split_film
from serving.render.sound import Sound
from serving.video.draw.camera import plan_windows
from serving.video.draw.yuv import empty_planes
from serving.video.film import Film, Pin, Transition
from tests.serving.render.films import (
    caption,
    decode,
    jpeg,
    make_film,
    make_sources,
    psnr,
    times,
    with_photo,
)

BEEP = Sound((np.sin(np.arange(96_000) / 20)[:, None].repeat(2, 1) / 4).astype(np.float32), 48_000)


def render(film: Film, path: Path, options: Options | None = None) -> Rendered:
    return render_film(film, make_sources(), path, options)


def drawn(film: Film) -> list[np.ndarray]:
    renderer, frames = FrameRenderer(film, make_sources()), []
    for segment in split_film(film):
        draw = renderer.painter(segment)
        for number in range(segment.frames):
            out = empty_planes(film.width, film.height)
            draw(number, out)
            frames.append(out.y)
    return frames


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60, Fraction(30_000, 1001)])
def test_the_file_has_every_frame_at_its_time(tmp_path: Path, fps: int) -> None:
    film = make_film(fps=Fraction(fps))
    render(film, tmp_path / "film.mp4", Options(sound=BEEP))
    with av.open(str(tmp_path / "film.mp4"), "r") as container:
        assert container.streams.video[0].average_rate == fps
    shown = times(tmp_path / "film.mp4")
    assert len(shown) == film.frames == 60
    assert all(abs(t - n / Fraction(fps)) < 1e-4 for n, t in enumerate(shown))
    heard = times(tmp_path / "film.mp4", "audio")
    assert abs(float(shown[0]) - float(heard[0])) < 1e-3


def test_the_file_is_tagged_and_its_index_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    chapters = (Chapter(0, "Kitchen"), Chapter(30, "Küche"))
    render(make_film(), path, Options(sound=BEEP, chapters=chapters))
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path), "r") as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        assert container.streams.audio[0].codec_context.name == "aac"
        assert [c["metadata"]["title"] for c in container.chapters()] == ["Kitchen", "Küche"]
        dts = [p.dts for p in container.demux(video=0) if p.dts is not None]
        assert np.ptp(np.diff(dts)) == 0


@pytest.mark.parametrize("kind", ["crossfade", "cube", "wipe_left"])
def test_what_is_decoded_is_what_was_drawn(tmp_path: Path, kind: str) -> None:
    """Transitions, which have no key frame of their own, are no worse than clips."""
    film = make_film()
    film = dataclasses.replace(film, transitions=(Transition(kind, 6),) * 2)
    render(film, tmp_path / "film.mp4")
    truth, seen = drawn(film), decode(tmp_path / "film.mp4")
    quality = [psnr(a, b) for a, b in zip(truth, seen, strict=True)]
    assert min(quality) > 32
    shifted = [psnr(a, b) for a, b in zip(truth[1:], seen, strict=False)]
    assert np.mean(quality) > np.mean(shifted) + 1


EDITS: dict[str, tuple[Callable[[Film], Film], int]] = {
    "photo": (lambda f: with_photo(f, 1, "other"), 24),
    "caption": (lambda f: dataclasses.replace(f, overlays=(caption(21, 8, "new words"),)), 24),
    "transition": (
        lambda f: dataclasses.replace(f, transitions=(Transition("push", 6), f.transitions[1])),
        6,
    ),
    "moved": (
        lambda f: dataclasses.replace(
            f,
            clips=(dataclasses.replace(f.clips[0], frames=30), *f.clips[1:]),
            overlays=(caption(27, 8),),
        ),
        30,
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_draws_only_what_it_touches_and_gives_the_same_bytes(
    tmp_path: Path, edit: str
) -> None:
    change, most = EDITS[edit]
    film = make_film(overlays=(caption(21, 8),))
    cache = MemoryCache()
    assert render(film, tmp_path / "a.mp4", Options(cache=cache)).drawn == film.frames
    edited = change(film)
    again = render(edited, tmp_path / "b.mp4", Options(cache=cache, sound=BEEP))
    assert 0 < again.drawn <= most
    render(edited, tmp_path / "c.mp4", Options(sound=BEEP))
    assert (tmp_path / "b.mp4").read_bytes() == (tmp_path / "c.mp4").read_bytes()


def test_nothing_is_drawn_twice_and_other_music_draws_nothing(tmp_path: Path) -> None:
    cache = MemoryCache()
    render(make_film(), tmp_path / "a.mp4", Options(cache=cache))
    assert render(make_film(), tmp_path / "b.mp4", Options(cache=cache, sound=BEEP)).drawn == 0


def test_workers_do_not_change_the_bytes(tmp_path: Path) -> None:
    for workers in (1, 3):
        render(make_film(), tmp_path / f"{workers}.mp4", Options(workers=workers))
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "3.mp4").read_bytes()


def test_a_damaged_segment_in_the_cache_is_made_again(tmp_path: Path) -> None:
    cache = MemoryCache()
    render(make_film(), tmp_path / "a.mp4", Options(cache=cache))
    key = next(iter(cache.kept))
    cache.kept[key] = cache.kept[key][:-7]
    assert render(make_film(), tmp_path / "b.mp4", Options(cache=cache)).drawn > 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_cancelled_render_leaves_nothing_and_goes_on_from_its_segments(tmp_path: Path) -> None:
    film, cache = make_film(6), MemoryCache()
    watch = RenderControl(cancelled=lambda: len(cache.kept) >= 3)
    with pytest.raises(RenderCancelled):
        render_film(film, make_sources(), tmp_path / "a.mp4", Options(cache=cache), watch)
    assert list(tmp_path.iterdir()) == []
    kept = len(cache.kept)
    assert kept >= 3
    done = render_film(film, make_sources(), tmp_path / "a.mp4", Options(cache=cache))
    assert done.reused == kept


def test_progress_counts_frames_and_ends_with_all(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    watch = RenderControl(progress=lambda done, total: told.append((done, total)))
    render_film(make_film(), make_sources(), tmp_path / "a.mp4", None, watch)
    assert told[-1] == (60, 60)
    assert told == sorted(told)


def test_a_damaged_photo_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    photos = {"photo-0": jpeg("photo-0"), "photo-1": b"\xff\xd8\xff no photo", "photo-2": b""}
    with pytest.raises(BadPhoto) as caught:
        render_film(make_film(), make_sources(photos=photos.__getitem__), tmp_path / "a.mp4")
    assert caught.value.photo in ("photo-1", "photo-2")
    assert list(tmp_path.iterdir()) == []


def test_a_huge_photo_is_decoded_no_larger_than_the_film_needs(tmp_path: Path) -> None:
    file = io.BytesIO()
    Pillow.new("RGB", (4000, 2400), (90, 120, 60)).save(file, "JPEG")
    huge = file.getvalue()
    film = make_film(1)
    windows = plan_windows(film.clips[0].motion, 24, photo_size(huge), (128, 72))
    side = needed_side(photo_size(huge), windows, (128, 72))
    assert side < 120
    assert decode_photo(huge, MAX_PIXELS, side).shape[0] <= 2 * 2400 // 8
    render_film(film, make_sources(photos=lambda _: huge), tmp_path / "a.mp4")


def test_photos_are_turned_as_their_camera_was_held() -> None:
    file = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (40, 20)).save(file, "JPEG", exif=exif)
    assert photo_size(file.getvalue()) == (20, 40)


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    class Full(MemoryCache):
        def put(self, key: str, data: bytes, photo: str = "", length_s: float = 0.0) -> None:
            raise OSError(28, "No space left on device", f"{key} {len(data)} {photo} {length_s}")

    with pytest.raises(OSError, match="No space"):
        render(make_film(), tmp_path / "a.mp4", Options(cache=Full()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"clips": ()},
        {"transitions": ()},
        {"transitions": (Transition("crossfade", 30),) * 2},
        {"transitions": (Transition("melt", 6),) * 2},
        {"width": 127},
        {"grade": "nowhere"},
        {"overlays": (caption(0, 9, pinned_to=Pin(7, 0.5, 0.5)),)},
    ],
)
def test_a_film_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        render(dataclasses.replace(make_film(), **change), tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "change",
    [
        {"clips": 1},
        {"frames": 12, "change": 6},  # transitions touch: no frame of a clip alone
        {"frames": 1, "change": 0},
        {"frames": 14, "change": 6},
        {"clips": 1, "frames": 400},
    ],
)
def test_any_lengths_give_all_frames(tmp_path: Path, change: dict[str, int]) -> None:
    film = make_film(**change)
    if not change.get("change", 6):
        film = dataclasses.replace(film, transitions=(Transition("cut", 0),) * 2)
    render(film, tmp_path / "a.mp4")
    seen = decode(tmp_path / "a.mp4")
    assert len(seen) == film.frames
    assert min(psnr(a, b) for a, b in zip(drawn(film), seen, strict=True)) > 30


def test_a_pinned_overlay_follows_its_spot() -> None:
    film = make_film(1)
    pinned = caption(0, 24, pinned_to=Pin(0, 0.4, 0.5), x=0.0, y=0.0, anchor="centre", width=0.1)
    with_badge = drawn(dataclasses.replace(film, overlays=(pinned,)))
    places = []
    for plain, marked in zip(drawn(film), with_badge, strict=True):
        columns = np.flatnonzero((plain != marked).any(axis=0))
        places.append(columns.mean())
    shot = FrameRenderer(film, make_sources()).shot(0)
    planned = (0.4 - shot.windows[:, 0]) / shot.windows[:, 2] * film.width
    drift = np.array(places) - planned
    assert np.ptp(planned) > 2
    assert np.ptp(drift) < 1.1


def test_a_grade_and_a_backdrop_reach_the_frames() -> None:
    plain, warm = drawn(make_film(1))[0], drawn(make_film(1, grade="warm"))[0]
    assert warm.mean() < plain.mean() - 5
    half = drawn(make_film(1, grade="warm", grade_strength=0.5))[0]
    assert warm.mean() < half.mean() < plain.mean()
    film = make_film(1)
    clips = (dataclasses.replace(film.clips[0], fit="backdrop"),)
    assert not np.array_equal(drawn(dataclasses.replace(film, clips=clips))[0], plain)
