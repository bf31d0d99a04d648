import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.errors import BadInput
from serving.video.check.faults import Finding, check_cuts, check_frames, check_sound
from serving.video.check.measures import measure_frames, measure_sound
from serving.video.draw.camera import plan_windows
from serving.video.draw.parallax import draw_scene, prepare_scene
from serving.video.draw.transitions import draw_transition, transition_time
from serving.video.draw.yuv import empty_planes
from serving.video.film import Clip, Film, Motion, Transition, View

Luma = NDArray[np.uint8]
SIZE, SMALL, FPS = (320, 180), (128, 72), 30
BLOCK_S = 1024 / 8000
STILL = View(0.5, 0.5, 1.0)


def room(seed: int, brightness: float = 1.0) -> Luma:
    """A picture with edges, surfaces and grain, as photos of rooms have."""
    rng = np.random.default_rng(seed)
    image = np.full((480, 640, 3), 190, np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(0, 600)), int(rng.integers(0, 440))
        colour = tuple(int(c) for c in rng.integers(40, 250, 3))
        cv2.rectangle(image, (x, y), (x + int(rng.integers(20, 160)), y + 60), colour, -1)
    grain = rng.normal(0, 3, image.shape)
    return np.asarray((image * brightness + grain).clip(0, 255), np.uint8)


PHOTOS = {
    "slow": room(1),
    "fast": room(2),
    "wall": np.full((480, 640, 3), 236, np.uint8),
    "night": room(3, 0.12),
    "card": np.zeros((180, 320, 3), np.uint8),
}
SIZES = {name: (photo.shape[1], photo.shape[0]) for name, photo in PHOTOS.items()}
BURSTS = ((0.0, 0.0), (0.1, 0.02), (0.2, 0.5), (0.8, 0.55), (1.0, 1.0))
FILM = Film(
    *SIZE,
    Fraction(FPS),
    (
        Clip("slow", 60, Motion(STILL, View(0.5, 0.5, 0.95))),
        Clip("fast", 50, Motion(View(0.4, 0.5, 0.8), View(0.6, 0.5, 0.8))),
        Clip("wall", 40, Motion(STILL, View(0.5, 0.5, 0.9))),
        Clip("night", 50, Motion(View(0.4, 0.5, 0.8), View(0.6, 0.5, 0.8), BURSTS)),
        Clip("card", 40, Motion(STILL, STILL)),
    ),
    (
        Transition("crossfade", 10),
        Transition("cut", 0),
        Transition("dip", 20, (("colour", "#000000"),)),
        Transition("crossfade", 10),
    ),
)


def draw_film(film: Film, size: tuple[int, int] = SIZE) -> Iterator[Luma]:
    scenes = []
    for clip in film.clips:
        photo = PHOTOS[clip.photo]
        windows = plan_windows(clip.motion, clip.frames, SIZES[clip.photo], size)
        scenes.append((prepare_scene(photo, windows, clip, size, (None, None)), windows))
    one, other, mixed = (empty_planes(*size) for _ in range(3))
    around = [Transition("cut", 0), *film.transitions, Transition("cut", 0)]
    for number, (clip, (scene, windows)) in enumerate(zip(film.clips, scenes, strict=True)):
        before, after = around[number].frames, around[number + 1].frames
        for frame in range(before, clip.frames - after):
            draw_scene(scene, windows, frame, one)
            yield one.y.copy()
        for frame in range(after):
            draw_scene(scene, windows, clip.frames - after + frame, one)
            following, ways = scenes[number + 1]
            draw_scene(following, ways, frame, other)
            time = transition_time(frame, after)
            draw_transition(around[number + 1], one, other, time, mixed)
            yield mixed.y.copy()


def encode(frames: list[Luma]) -> list[Luma]:
    """There and back through H.264, as films are."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"preset": "superfast", "crf": "20"}
        )
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for luma in frames:
            planes = np.vstack([luma, np.full((SIZE[1] // 2, SIZE[0]), 128, np.uint8)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv420p")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as container:
        decoded = container.decode(video=0)
        return [np.array(frame.to_ndarray()[: SIZE[1]]) for frame in decoded]


@pytest.fixture(scope="module")
def drawn() -> list[Luma]:
    return list(draw_film(FILM))


@pytest.fixture(scope="module")
def planned() -> list[Luma]:
    """The same, drawn smaller."""
    return list(draw_film(FILM, SMALL))


def judge(frames: list[Luma], planned: list[Luma]) -> list[Finding]:
    return list(check_frames(measure_frames(frames, planned)))


def test_a_good_film_has_no_findings_before_and_after_encoding(
    drawn: list[Luma], planned: list[Luma]
) -> None:
    """Slow camera, white wall, night photo, bursts of speed, black card and a dip to black."""
    assert len(drawn) == FILM.frames == 200
    assert judge(drawn, planned) == []
    assert judge(encode(drawn), planned) == []


def put(at: int, source: Callable[[list[Luma]], list[Luma]]) -> Callable[[list[Luma]], list[Luma]]:
    def spoil(frames: list[Luma]) -> list[Luma]:
        part = source(frames)
        return [*frames[:at], *part, *frames[at + len(part) :]]

    return spoil


BLACK = np.full((180, 320), 16, np.uint8)
LOGO_ON_BLACK = BLACK.copy()
LOGO_ON_BLACK[8:30, 260:310] = 200
FAULTS = {
    "another photo throughout": (put(0, lambda frames: [frames[110]] * 50), "wrong", 0),
    "a black frame at night": (put(140, lambda _: [BLACK]), "black", 140),
    "the dip stops": (put(97, lambda frames: [frames[96]] * 16), "frozen", 97),
    "one black frame": (put(30, lambda _: [BLACK]), "black", 30),
    "black but for a logo": (
        put(70, lambda _: [LOGO_ON_BLACK] * 5),
        "black",
        70,
    ),
    "the slow camera stops": (put(20, lambda frames: [frames[19]] * 25), "frozen", 20),
    "a frame twice": (put(75, lambda frames: [frames[74]]), "repeated", 75),
    "the cut too early": (put(97, lambda frames: frames[100:103]), "wrong", 97),
    "a foreign frame": (put(30, lambda frames: [frames[120]]), "wrong", 30),
    "a frame too few": (lambda frames: frames[:-1], "length", 199),
    "a frame too many": (lambda frames: [*frames, frames[-1]], "length", 200),
    "no frames": (lambda _: [], "length", 0),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("encoded", [False, True], ids=["drawn", "encoded"])
def test_faults_are_found_at_their_frame(
    drawn: list[Luma], planned: list[Luma], name: str, encoded: bool
) -> None:
    spoil, kind, frame = FAULTS[name]
    frames = spoil(drawn)
    findings = judge(encode(frames) if encoded and frames else frames, planned)
    found = [finding.frame for finding in findings if finding.kind == kind]
    assert found, findings
    late = 24 if kind == "frozen" else 0  # it takes half a second to tell
    assert frame <= found[0] <= frame + late
    assert all(finding.reason for finding in findings)


def test_the_same_frames_are_a_fault_only_where_others_were_planned(planned: list[Luma]) -> None:
    """A still card, a dip through black and a photo that is black: each planned, each passes."""
    still = [planned[190]] * 60
    dark = [np.full_like(planned[0], 16)] * 60
    for shown in (still, dark):
        assert judge(shown, shown) == []
        assert judge(shown, planned[:60])
    assert "frozen" in {finding.kind for finding in judge([planned[0]] * 60, planned[:60])}


@pytest.fixture
def blinds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Film:
    """A zoom that far onto lines of so many pixels across a photo, faint or strong."""
    thickness, contrast, zoom = request.param
    rows = (30 + np.arange(480) // thickness % 2 * contrast).astype(np.uint8)
    monkeypatch.setitem(PHOTOS, "blinds", np.repeat(np.repeat(rows[:, None, None], 640, 1), 3, 2))
    monkeypatch.setitem(SIZES, "blinds", (640, 480))
    clip = Clip("blinds", 60, Motion(STILL, View(0.5, 0.5, zoom)))
    return replace(FILM, clips=(clip,), transitions=())


@pytest.mark.parametrize("blinds", [(1, 200, 0.95), (1, 70, 0.98), (3, 70, 0.98)], indirect=True)
def test_lines_that_only_small_pictures_show_moving_are_no_fault(blinds: Film) -> None:
    """Finer than the film's pixels they are grey in the film; small pictures turn them to waves."""
    assert judge(encode(list(draw_film(blinds))), list(draw_film(blinds, SMALL))) == []


@pytest.mark.parametrize("blinds", [(2, 70, 0.98), (3, 70, 0.98), (4, 200, 0.95)], indirect=True)
def test_lines_that_stand_are_found_though_small_pictures_hardly_show_them(blinds: Film) -> None:
    frames = list(draw_film(blinds))
    spoilt = encode([*frames[:20], *[frames[19]] * 25, *frames[45:]])
    assert "frozen" in {fault.kind for fault in judge(spoilt, list(draw_film(blinds, SMALL)))}


def test_cuts_off_the_beat_are_found_where_the_track_has_beats() -> None:
    beats = np.concatenate([np.arange(2, 10, 0.5), np.arange(16, 20, 0.5)])
    assert not check_cuts((60, 75, 300, 390, 480), beats, 30)
    (finding,) = check_cuts((60, 84, 390), beats, 30)
    assert (finding.kind, finding.frame) == ("off_beat", 84)
    assert not check_cuts((84,), np.zeros(0), 30)


def make_sound(seconds: float = 10.0, rate_hz: int = 8000) -> NDArray[np.float32]:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 220 * times)
    return np.repeat(tone[:, None], 2, axis=1).astype(np.float32)


def test_good_sound_has_no_findings() -> None:
    sound = measure_sound(make_sound(), 8000)
    assert sound.rms_db.max() == pytest.approx(-9.03, abs=0.1)
    assert not check_sound(sound, sound, 300, 30, BLOCK_S)


def test_sound_at_full_scale_for_a_single_sample_is_not_clipped() -> None:
    samples = make_sound()
    samples[::50] = 1.0
    sound = measure_sound(samples, 8000)
    assert not check_sound(sound, sound, 300, 30, BLOCK_S)


@pytest.mark.parametrize("fps", [24, 60])
def test_sound_may_last_a_frame_of_its_codec_longer_or_shorter(fps: int) -> None:
    """AAC's is 21 ms at 48 kHz, longer than a picture at 60 a second."""
    planned = measure_sound(make_sound(4.0, 48_000), 48_000)
    for more, good in ((1024, True), (-1024, True), (1100, False), (-1100, False)):
        sound = measure_sound(make_sound(4.0 + more / 48_000, 48_000), 48_000)
        assert (not check_sound(sound, planned, 4 * fps, fps, 1024 / 48_000)) == good


def spoilt(kind: str) -> NDArray[np.float32]:
    samples = make_sound()
    if kind == "clipped":
        samples[32000:33000] = (3 * samples[32000:33000]).clip(-1, 1)
    elif kind == "silent":
        samples[40000:44000] = 0
    elif kind == "sound_length":
        samples = samples[: 80000 - 1100]
    else:
        samples[:] = 0
    return samples


@pytest.mark.parametrize(
    ("kind", "frame"), [("clipped", 120), ("silent", 150), ("sound_length", 296), ("silent all", 0)]
)
def test_faults_of_sound_are_found(kind: str, frame: int) -> None:
    planned = measure_sound(make_sound(), 8000)
    findings = check_sound(measure_sound(spoilt(kind), 8000), planned, 300, 30, BLOCK_S)
    assert [finding.kind for finding in findings] == [kind.split(" ")[0]]
    assert abs(findings[0].frame - frame) <= 1


def test_planned_silence_is_no_fault() -> None:
    planned = measure_sound(spoilt("silent"), 8000)
    assert not check_sound(planned, planned, 300, 30, BLOCK_S)
    assert check_sound(planned, measure_sound(make_sound(), 8000), 300, 30, BLOCK_S)


def test_measures_refuse_what_is_no_frame_or_sound() -> None:
    with pytest.raises(BadInput):
        measure_frames([np.zeros((180, 320, 3), np.uint8)], [BLACK])
    with pytest.raises(BadInput):
        measure_sound(np.zeros(100, np.float32), 8000)


@pytest.mark.parametrize(
    ("lag", "kind", "alone", "found"),
    [(15, "frozen", 1, 2), (30, "frozen", 4, 5), (15, "repeated", 0, 1), (30, "repeated", 1, 2)],
)
def test_a_frame_that_stands_by_chance_is_no_fault(
    drawn: list[Luma], lag: int, kind: str, alone: int, found: int
) -> None:
    """One may look like that of half a second ago; of 60 a second nobody sees one repeated."""
    figures = measure_frames(drawn, drawn, lag)
    measured = figures.drift if kind == "frozen" else figures.change
    first = 75  # in the midst of the fast clip
    for count, expected in ((alone, []), (found, [kind])):
        standing = measured.copy()
        standing[first : first + count] = 0.0
        if kind == "frozen":
            changed = replace(figures, drift=standing)
        else:
            changed = replace(figures, change=standing)
        assert [finding.kind for finding in check_frames(changed)] == expected
