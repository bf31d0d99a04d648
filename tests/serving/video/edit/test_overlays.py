from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import BadInput
from serving.render.template_files import shipped_fonts, shipped_templates
from serving.video.edit.assembly import CARD, Edit, EditOptions, Shape
from serving.video.edit.chapters import choose_poster, list_chapters
from serving.video.edit.cut_points import make_music
from serving.video.edit.overlays import Branding, Plan, plan_film
from serving.video.edit.photo_order import FilmPhoto, SpotLabel
from serving.video.edit.templates import Template
from serving.video.film import Overlay, Pin, check_film
from serving.video.titles.layout import Brand, Words

TEMPLATES = shipped_templates()
SHAPE = Shape(640, 360, Fraction(30))
LOGO = np.full((40, 80, 4), 200, np.uint8)
BRANDING = Branding(
    Words("Sunny home", "1 Main Street", "$1", "3 bd"),
    Brand("Agency", "Ann", "555", logo=LOGO, watermark="Sample"),
    shipped_fonts(),
)
BARE = Branding(Words(), Brand(), shipped_fonts())
PHOTOS = [
    FilmPhoto("a", 1600, 1200, room="exterior", caption="Front\nEvening light"),
    FilmPhoto("b", 1600, 1200, weight=2.0, room="kitchen", caption="Kitchen"),
    FilmPhoto("c", 1600, 1200, room="kitchen"),
    FilmPhoto("d", 1200, 1600, room="bedroom", caption="غرفة نوم"),
]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_overlay_lies_within_the_film_and_has_its_picture(name: str) -> None:
    music = make_music(np.arange(0, 60, 0.5))
    plan = plan_film(PHOTOS, TEMPLATES[name], SHAPE, BRANDING, EditOptions(), music)
    check_film(plan.film)
    assert plan.film.frames == plan.timeline.film.frames
    for overlay in plan.film.overlays:
        assert overlay.picture in plan.pictures
        assert 0 <= overlay.start < overlay.start + overlay.frames <= plan.film.frames
        assert overlay.fade_in + overlay.fade_out <= overlay.frames
        assert 0 < overlay.width <= 1
    cards = {clip.photo for clip in plan.film.clips} - {photo.name for photo in PHOTOS}
    assert cards == set(plan.cards)
    assert (
        plan_film(PHOTOS, TEMPLATES[name], SHAPE, BRANDING, EditOptions(), music).film == plan.film
    )


def test_a_caption_is_seen_with_its_photo_only_and_on_the_side_of_its_script() -> None:
    plan = plan_film(PHOTOS, TEMPLATES["classic"], SHAPE, BRANDING, EditOptions(), None)
    captions = [o for o in plan.film.overlays if o.anchor.startswith("bottom-") and o.opacity == 1]
    assert [o.anchor for o in captions] == ["bottom-left", "bottom-left", "bottom-right"]
    for overlay, photo in zip(captions, "abd", strict=True):
        clip = [c.photo for c in plan.film.clips].index(photo)
        before = plan.film.transitions[clip - 1].frames if clip else 0
        low = plan.film.starts[clip] + before
        after = plan.film.transitions[clip].frames if clip < len(plan.film.transitions) else 0
        high = plan.film.starts[clip] + plan.film.clips[clip].frames - after
        assert low <= overlay.start
        assert overlay.start + overlay.frames <= high


def test_captions_wait_for_the_title_over_the_first_photo() -> None:
    plan = plan_film(PHOTOS, TEMPLATES["calm"], SHAPE, BRANDING, EditOptions(), None)
    title = next(o for o in plan.film.overlays if o.anchor == "centre" and o.y == 0.5)
    assert all(
        o.start >= title.start + title.frames
        for o in plan.film.overlays
        if o.anchor in ("bottom-left", "bottom-right")
    )


def test_without_words_and_brand_nothing_lies_on_the_film() -> None:
    plan = plan_film(
        [replace(p, caption=None) for p in PHOTOS],
        TEMPLATES["luxury"],
        SHAPE,
        BARE,
        EditOptions(),
        None,
    )
    assert not plan.film.overlays
    assert not plan.pictures
    assert not plan.cards
    assert [clip.photo for clip in plan.film.clips] == list("abcd")


def test_a_waveform_lies_on_every_photo_opposite_to_captions_and_goes_on_with_the_music() -> None:
    music = make_music(np.arange(0, 60, 0.5), energy=np.linspace(0.2, 1, 600))
    branding = replace(BARE, waveform=True)
    template = TEMPLATES["modern"]
    bare = [replace(photo, caption=None) for photo in PHOTOS]
    plan = plan_film(bare, template, SHAPE, branding, EditOptions(), music)
    waves = plan.film.overlays
    assert {wave.anchor for wave in waves} == {"bottom-right"}
    ends = [wave.start + wave.frames for wave in waves]
    assert [wave.start for wave in waves] == [0, *ends[:-1]]
    assert ends[-1] == plan.film.frames
    white = [int((plan.pictures[wave.picture][..., :3].min(axis=2) > 200).sum()) for wave in waves]
    assert white == sorted(white, reverse=True)
    assert white[0] > 2 * white[-1]
    turned = plan_film(PHOTOS, template, SHAPE, branding, EditOptions(), music).film.overlays
    assert {o.anchor for o in turned if not o.fade_in + o.fade_out} == {"bottom-left"}
    assert not plan_film(PHOTOS[2:3], template, SHAPE, branding, EditOptions(), None).film.overlays


def test_labels_are_pinned_to_their_spot_of_their_clip() -> None:
    photos = [
        PHOTOS[2],
        replace(PHOTOS[0], caption=None, labels=(SpotLabel("Oak floor", 0.4, 0.7),)),
    ]
    plan = plan_film(photos, TEMPLATES["classic"], SHAPE, BARE, EditOptions(), None)
    (overlay,) = plan.film.overlays
    assert overlay.pinned_to == Pin(1, 0.4, 0.7)
    assert overlay.anchor == "bottom"
    picture = plan.pictures[overlay.picture]
    assert picture[-2, picture.shape[1] // 2, 3] == 255, "its dot marks the spot"


def with_brand(**brand: object) -> Template:
    template = TEMPLATES["modern"]
    return template.model_copy(update={"brand": template.brand.model_copy(update=brand)})


def test_brand_fields_of_a_template_are_followed() -> None:
    plan = plan_film(
        PHOTOS,
        with_brand(outro="over_photo", logo="bottom-left"),
        SHAPE,
        BRANDING,
        EditOptions(),
        None,
    )
    assert {clip.photo for clip in plan.film.clips} == set("abcd")
    closing = next(o for o in plan.film.overlays if o.width == 1 and o.start > 0)
    assert closing.start + closing.frames == plan.film.frames
    assert any(o.anchor == "bottom-left" and o.opacity < 1 for o in plan.film.overlays)
    quiet = plan_film(
        PHOTOS,
        with_brand(intro="none", outro="none", logo="none", captions=False),
        SHAPE,
        BRANDING,
        EditOptions(),
        None,
    )
    assert len(quiet.film.overlays) == 1, "only the watermark"


def test_a_caption_that_no_font_draws_is_refused() -> None:
    with pytest.raises(BadInput, match="บ"):
        plan_film(
            [replace(PHOTOS[0], caption="บ้าน")] * 2,
            TEMPLATES["classic"],
            SHAPE,
            BARE,
            EditOptions(),
            None,
        )


def test_poster_and_chapters() -> None:
    plan = plan_film(PHOTOS, TEMPLATES["luxury"], SHAPE, BRANDING, EditOptions(), None)
    photos = [*PHOTOS[:3], replace(PHOTOS[3], room=None, caption="Master bedroom\n20 m²")]
    chapters = list_chapters(plan.timeline, photos, "Sunny home")
    names = ["Sunny home", "Exterior", "Kitchen", "Master bedroom", "Contact"]
    assert [c.name for c in chapters] == names
    assert chapters[0].frame == 0
    assert all(c.frame in (0, *plan.timeline.cuts) for c in chapters)
    poster = choose_poster(plan.timeline, PHOTOS)
    low, high = plan.timeline.span(2)
    assert low < poster < high


@pytest.mark.parametrize(
    ("room", "caption", "name"),
    [
        ("living_room", None, "Living room"),
        ("WC", None, "WC"),
        ("EG Wohnzimmer", None, "EG Wohnzimmer"),
        (" ", "🏡\nLoggia\r9 m²", "Loggia"),
        (None, "Loggia\u20289 m²", "Loggia"),
    ],
)
def test_a_chapter_is_called_as_its_room_is(
    room: str | None, caption: str | None, name: str
) -> None:
    photos = [replace(PHOTOS[0], room=room, caption=caption)]
    plan = plan_film(photos, TEMPLATES["classic"], SHAPE, BARE, EditOptions(), None)
    assert [chapter.name for chapter in list_chapters(plan.timeline, photos, "")] == [name]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028", "\v", "\n🏡\n"])
def test_a_caption_s_first_line_is_its_title_whatever_ends_lines(end: str) -> None:
    plans = [
        plan_film(
            [replace(PHOTOS[0], caption=f"Loggia{between}9 m²")],
            TEMPLATES["classic"],
            SHAPE,
            BARE,
            EditOptions(),
            None,
        )
        for between in ("\n", end)
    ]
    assert plans[0].pictures.keys() == plans[1].pictures.keys()


def seen_without_title(plan: Plan) -> tuple[int, int]:
    """Frames of the opening photo, from its first to its cut, and those without the title."""
    frames = np.zeros(plan.film.frames, bool)
    for overlay in plan.film.overlays:
        if (overlay.x, overlay.y, overlay.anchor) == (0.5, 0.5, "centre"):
            frames[overlay.start : overlay.start + overlay.frames] = True
    low, high = plan.timeline.span(0)
    return high - low, int((~frames[low:high]).sum())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name, t in TEMPLATES.items() if t.brand.intro == "over_photo"]),
    st.one_of(st.none(), st.integers(30, 900)),
    st.integers(1, 6),
    st.booleans(),
)
def test_the_opening_photo_is_seen_without_its_title(
    name: str, frames: int | None, count: int, music: bool
) -> None:
    track = make_music(np.arange(0, 60, 0.5)) if music else None
    photos = [PHOTOS[n % 4] for n in range(count)]
    plan = plan_film(photos, TEMPLATES[name], SHAPE, BRANDING, EditOptions(frames=frames), track)
    whole, clean = seen_without_title(plan)
    assert clean >= min(30, whole // 2)
    if frames is None:
        title = next(o for o in plan.film.overlays if (o.x, o.y) == (0.5, 0.5))
        assert title.start == 0
        assert title.frames >= 1.5 * 30, "there is time to read it"


def test_a_short_opening_clip_is_seen_first_and_its_title_goes_on_over_the_next() -> None:
    edits = tuple(Edit(n, 1.0, transition=("cut", 0.0, ())) for n in range(4))
    plan = plan_film(PHOTOS, TEMPLATES["calm"], SHAPE, BRANDING, EditOptions(edits=edits), None)
    title = next(o for o in plan.film.overlays if (o.x, o.y) == (0.5, 0.5))
    assert (title.start, title.frames) == (15, 90)


def captions_of(plan: Plan) -> list[Overlay]:
    return [o for o in plan.film.overlays if o.anchor.startswith("bottom-") and o.opacity == 1]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_photo_that_is_shown_has_its_caption_for_a_second(name: str) -> None:
    photos = [replace(PHOTOS[n % 4], caption=f"Room {n}") for n in range(12)]
    music = make_music(np.arange(0, 60, 0.25), energy=np.tile([0.0, 1.0], 300))
    for frames in (None, 600):
        plan = plan_film(
            photos, TEMPLATES[name], SHAPE, BRANDING, EditOptions(frames=frames), music
        )
        shown = set(plan.timeline.sources) - {CARD}
        assert len(captions_of(plan)) >= len(shown) - (frames is not None), (
            "only the opening photo's may stand back for the title"
        )
        assert all(caption.frames >= 30 for caption in captions_of(plan))
        assert not plan.notes


def test_no_photo_has_a_caption_where_one_cannot_be_read() -> None:
    lengths = (2.0, 0.5, 2.0, 2.0)
    edits = tuple(Edit(n, s, transition=("cut", 0.0, ())) for n, s in enumerate(lengths))
    photos = [replace(photo, caption="Room") for photo in PHOTOS]
    plan = plan_film(photos, TEMPLATES["calm"], SHAPE, BARE, EditOptions(edits=edits), None)
    assert not captions_of(plan)
    assert plan.notes == ("no captions are shown: the clip of one would be shorter than 1 s",)
    again = (*edits, replace(edits[1], length_s=1.5))
    plan = plan_film(photos, TEMPLATES["calm"], SHAPE, BARE, EditOptions(edits=again), None)
    assert len(captions_of(plan)) == 4, "the second time it is seen for long enough"


def test_a_label_lies_on_its_spot_of_a_photo_before_its_backdrop() -> None:
    photo = FilmPhoto("tall", 300, 400, labels=(SpotLabel("Stove", 0.0, 0.25),))
    shape = Shape(640, 320, Fraction(30))
    plan = plan_film([photo], TEMPLATES["classic"], shape, BARE, EditOptions(), None)
    (label,) = plan.film.overlays
    assert label.pinned_to is not None
    assert label.pinned_to.x == pytest.approx(0.5 - 0.5 * 0.375)
    assert label.pinned_to.y == 0.25
