"""Films cut by hand: what is said is kept to the frame, what is not said the template chooses."""

import json
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from serving.db.tables import Json
from serving.render.audio_files import decode_audio
from serving.render.template_files import find_template
from serving.requests.film import FilmInput
from serving.requests.timeline import TimelineSpec
from serving.storage.interface import Storage
from serving.video.edit.assembly import EditOptions, Shape
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.timeline import make_timeline
from serving.workflows.film_timeline import edits_of, timeline_of
from tests.serving.workflows.film_requests import (
    FORMAT,
    RATE_HZ,
    SONG,
    ask,
    clicks,
    only,
    render,
    said,
    save,
    wav,
    with_photos,
)
from tests.serving.workflows.harness import JobHarness

CUT: Json = {"kind": "cut"}


def by_hand(films: JobHarness, *clips: Json, **changes: object) -> Json:
    return render(films, length_s=None, timeline={"clips": list(clips)}, **changes)


def test_clips_of_a_timeline_are_cut_where_it_says_in_every_format(films: JobHarness) -> None:
    clips: list[Json] = [
        {"photo": 2, "length_s": 0.51, "transition": CUT},
        {"photo": 0, "length_s": 0.98, "transition": {"kind": "cube", "length_s": 0.25}},
        {"photo": 2, "length_s": 0.5},
    ]
    formats = [FORMAT, FORMAT | {"fps": 60, "aspect": "9:16"}]
    wide, tall = by_hand(films, *clips, formats=formats)["films"]
    assert [cut * 24 for cut in wide["cuts_s"]] == pytest.approx([12, 36], abs=0.02)
    assert [cut * 60 for cut in tall["cuts_s"]] == pytest.approx([31, 89], abs=0.04)
    assert (wide["frames"], tall["frames"]) == (48, 119), "lengths add up before they are rounded"
    assert wide["left_out"] == ["1.jpg"]


def test_a_photo_sent_twice_is_two_photos(films: JobHarness, storage: Storage) -> None:
    storage.write("copy.jpg", storage.read("0.jpg"))
    photos = with_photos("0.jpg", "0.jpg", "1.jpg", "copy.jpg")
    clips: list[Json] = [{"photo": n, "length_s": 0.5, "transition": CUT} for n in (0, 1, 2)]
    del clips[-1]["transition"]
    film = only(by_hand(films, *clips, photos=photos, formats=[FORMAT]))
    assert film["cuts_s"] == [0.5, 1.0], "no clip is lost"
    assert film["left_out"] == ["copy.jpg"], "each is called as the request calls it"
    back = json.loads(storage.read(film["timeline"]))
    assert [clip["photo"] for clip in back["clips"]] == [0, 1, 2]


def test_a_format_asked_for_twice_is_answered_twice(films: JobHarness) -> None:
    one, other = by_hand(films, {"photo": 0, "length_s": 1.0}, formats=[FORMAT, FORMAT])["films"]
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("template", ["calm", "energetic", "luxury"])
def test_the_timeline_that_a_film_gives_back_makes_the_same_film_and_can_be_edited(
    films: JobHarness, storage: Storage, template: str
) -> None:
    asked: Json = {
        "music": SONG, "template": template, "order": "rooms", "length_s": 6.0,
        "words": {"headline": "Maple 7"}, "brand": {"name": "Nest"},
    }  # fmt: skip
    first = only(render(films, **asked))
    timeline = json.loads(storage.read(first["timeline"]))
    again = only(render(films, **(asked | {"length_s": None, "timeline": timeline})))
    assert (again["sha256"], again["frames_drawn"]) == (first["sha256"], 0)
    photos = [clip for clip in timeline["clips"] if "photo" in clip]
    photos[-1]["camera"]["end"]["scale"] = 0.71
    edited = only(render(films, **(asked | {"length_s": None, "timeline": timeline})))
    assert 0 < edited["frames_drawn"] < edited["frames"]
    assert edited["cuts_s"] == first["cuts_s"]


def test_a_photo_of_a_timeline_that_cannot_be_read_gives_its_time_to_its_neighbour(
    films: JobHarness,
) -> None:
    clips: list[Json] = [{"photo": n, "length_s": 0.5, "transition": CUT} for n in (1, 0, 1, 2)]
    del clips[-1]["transition"]
    photos = with_photos("0.jpg", "none.jpg", "2.jpg")
    film = only(by_hand(films, *clips, photos=photos))
    assert film["cuts_s"] == [1.5]
    assert film["frames"] == 48
    lost = films.attempt(
        ask(films, photos=photos, length_s=None,
            timeline={"clips": [{"photo": 1, "length_s": 1.0}]})
    )  # fmt: skip
    assert said(lost)["detail"] == "no photo of the timeline can be read"


def test_time_of_skipped_photos_is_never_lost() -> None:
    asked = TimelineSpec.model_validate(
        {"clips": [{"photo": n % 3, "length_s": 1.0 + n} for n in range(7)]}
    )
    edits = edits_of(asked, numbers=(2, 0))
    assert [edit.source for edit in edits] == [1, 0, 1, 0, 1]
    assert [edit.length_s for edit in edits] == [3.0, 3.0, 9.0, 6.0, 7.0]
    assert sum(edit.length_s for edit in edits_of(asked, numbers=(1,))) == 28.0


def test_films_longer_than_a_request_can_ask_for_give_their_timeline_back_too() -> None:
    """As many clips, and as long, as photos and templates make of it."""
    photos = [FilmPhoto(str(number), 300, 200) for number in range(1200)]
    shape = Shape(1280, 720, Fraction(24))
    made = make_timeline(photos, find_template("energetic"), shape, EditOptions(keep_all=True))
    assert made.film.frames > 900 * 24
    asked = timeline_of(made, range(1200))
    edits = edits_of(asked, range(1200))
    again = make_timeline(photos, find_template("energetic"), shape, EditOptions(edits=edits))
    assert again.film == made.film


@pytest.mark.parametrize(
    ("clips", "word"),
    [
        ([], "clips"),
        ([{"photo": 7, "length_s": 1}], "clip 0 shows photo 7; there are 0 to 2"),
        ([{"photo": 0, "length_s": 0}], "length_s"),
        ([{"photo": 0, "card": "intro", "length_s": 1}], "a photo or a card"),
        ([{"card": "outro", "length_s": 1}], "at least one photo"),
        ([{"photo": 0, "length_s": 1}, {"card": "intro", "length_s": 1}], "only be first or last"),
        ([{"card": "intro", "length_s": 1}, {"photo": 0, "length_s": 1}], "draws none"),
        ([{"photo": 0, "length_s": 1, "transition": CUT}], "after the last clip"),
        ([{"photo": 0, "length_s": 0.001}], "shorter than a frame"),
        ([{"photo": 0, "length_s": 1, "transition": {"kind": "melt"}}, {"photo": 1, "length_s": 1}],
         "no transition 'melt'"),
        ([{"photo": 0, "length_s": 0.2, "transition": {"kind": "wipe_left", "length_s": 1}},
          {"photo": 1, "length_s": 1}], "its transitions need"),
        ([{"photo": 0, "length_s": 1,
           "camera": {"start": {}, "end": {}, "curve": [[0, 0], [0.5, 0.8], [1, 0.4]]}}], "rises"),
        ([{"photo": 0, "length_s": 900}] * 19, "400000 can be at most"),
    ],
)  # fmt: skip
def test_a_timeline_that_cannot_be_says_which_clip_and_why(
    films: JobHarness, clips: list[Json], word: str
) -> None:
    job = films.attempt(ask(films, length_s=None, template="calm", timeline={"clips": clips}))
    assert (job.status, said(job)["reason"]) == ("failed", "bad_input"), job.error
    assert word in said(job)["detail"]


def test_a_camera_that_was_told_to_stand_still_is_no_fault(films: JobHarness) -> None:
    still = {"x": 0.4, "y": 0.5, "scale": 0.5}
    camera = {"start": still, "end": still}
    assert only(by_hand(films, {"photo": 0, "length_s": 2.0, "camera": camera}))["frames"] == 48


@pytest.mark.slow
def test_labels_follow_their_spots(films: JobHarness) -> None:
    clips: list[Json] = [
        {"photo": 0, "length_s": 1.5, "transition": CUT},
        {"photo": 1, "length_s": 1.5},
    ]
    plain = only(by_hand(films, *clips))
    labels = [{"text": "Fireplace", "x": 0.4, "y": 0.6}]
    photos = with_photos("0.jpg", "1.jpg", labels=labels)
    labelled = only(by_hand(films, *clips, photos=photos))
    assert labelled["frames_drawn"] == 36, "only where it is seen"
    assert labelled["sha256"] != plain["sha256"]


@pytest.mark.slow
def test_sounds_are_mixed_where_they_are_asked_for(
    films: JobHarness, storage: Storage, tmp_path: Path
) -> None:
    storage.write("birds.wav", clicks(1.0, bpm=600))
    storage.write("still.wav", wav(np.zeros(RATE_HZ, np.float32)))
    sounds = [{"track": "birds.wav", "at_s": 1.0, "length_s": 0.5, "fade_s": 0}]
    film = only(render(films, sounds=sounds))
    heard = np.abs(decode_audio(save(storage, film, tmp_path).read_bytes()).samples).max(axis=1)
    loud = [round(float(heard[int(a * RATE_HZ) : int(b * RATE_HZ)].max()), 1) > 0
            for a, b in ((0, 0.9), (1.0, 1.5), (1.6, 3.0))]  # fmt: skip
    assert loud == [False, True, False]
    both = only(render(films, music=SONG, sounds=sounds))
    assert both["cuts_s"] == only(render(films, music=SONG))["cuts_s"], "cuts follow the music"
    late = films.attempt(ask(films, sounds=[{"track": "birds.wav", "start_s": 2.0}]))
    assert said(late)["detail"] == "the sound 'birds.wav': it ends before 2 s"
    storage.write("bad.txt", b"no sound")
    bad = films.attempt(ask(films, sounds=[{"track": "bad.txt"}]))
    assert "sound 'bad.txt'" in said(bad)["detail"]


@pytest.mark.parametrize(("length_s", "taken"), [(0.49, False), (0.5, True), (900, True)])
def test_a_film_is_half_a_second_to_fifteen_minutes_long(length_s: float, taken: bool) -> None:
    with nullcontext() if taken else pytest.raises(ValidationError, match="length_s"):
        FilmInput.model_validate({"photos": [{"photo": "a.jpg"}], "length_s": length_s})
