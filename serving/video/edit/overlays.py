"""What lies on a film: its title, captions, logo and watermark, each at its place and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from serving.characters import lines_of
from serving.image import Image
from serving.video.draw.rgba import Picture, Rgba, blank, lay_over, name_picture
from serving.video.edit.assembly import CARD, EditOptions, Shape
from serving.video.edit.camera_paths import spot_on_backdrop
from serving.video.edit.cut_points import Music
from serving.video.edit.photo_order import FilmPhoto, SpotLabel
from serving.video.edit.templates import Template
from serving.video.edit.timeline import SHORTEST_CAPTION_S, Timeline, make_timeline
from serving.video.film import BACKDROP, Film, Overlay, Pin
from serving.video.titles.layout import Brand, Sheet, Words, make_sheet
from serving.video.titles.text import is_right_to_left
from serving.video.titles.titles import (
    draw_contact_card,
    draw_intro_card,
    draw_label,
    draw_logo_on_photos,
    draw_lower_third,
    draw_opening,
    draw_watermark,
    draw_waveform,
)

_FADE_S = 0.4
_SEEN_CLEAN_S = 1.0  # the opening photo without its title
_SHORTEST_TITLE_S = 1.5
_NO_CAPTIONS = (
    f"no captions are shown: the clip of one would be shorter than {SHORTEST_CAPTION_S:g} s"
)
_CLOSING_OPACITY = 0.8
_WAVE_WIDTH, _WAVE_HEIGHT, _PLATE_OPACITY = 0.22, 0.05, 0.45
_LOGO_HEIGHT = 0.14  # at most, of the frame's


@dataclass(frozen=True)
class Branding:
    """The words, the brand and the fonts (file contents by name) of a film.

    Parameters
    ----------
    waveform : show how the music goes, and how far it is
    """

    words: Words
    brand: Brand
    fonts: Mapping[str, bytes]
    waveform: bool = False

    @property
    def has_words(self) -> bool:
        """Whether there is anything for a title."""
        words = self.words
        return any((words.headline, words.address, words.price, words.facts))

    @property
    def has_contact(self) -> bool:
        """Whether there is anything for a closing card."""
        brand = self.brand
        texts = (brand.name, brand.agent, brand.phone, brand.email, brand.website)
        return any(texts) or brand.logo is not None


@dataclass(frozen=True)
class Plan:
    """A film that is ready to be rendered.

    Parameters
    ----------
    timeline : how it came about; its film has no overlays
    film : with overlays
    cards : uint8 RGB by name, opaque: the clips whose `photo` is none of the photos
    pictures : uint8 RGBA by name, of the overlays
    notes : what is to be known of it
    """

    timeline: Timeline
    film: Film
    cards: Mapping[str, Image]
    pictures: Mapping[str, Rgba]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Carded:
    """Options that name a film's cards, and the cards: uint8 RGB by name."""

    options: EditOptions
    cards: Mapping[str, Image]


def draw_cards(
    template: Template, shape: Shape, branding: Branding, options: EditOptions
) -> Carded:
    """Draw the cards that the template wants and that have a text; name them in the options."""
    sheet = _sheet(template, shape, branding)
    cards: dict[str, Image] = {}
    if template.brand.intro == "card" and branding.has_words:
        intro = draw_intro_card(sheet, branding.words, branding.brand)
        cards[intro.name] = np.ascontiguousarray(intro.pixels[..., :3])
        options = replace(options, intro=intro.name)
    if template.brand.intro == "over_photo" and branding.has_words:
        # the half second goes to a transition
        options = replace(options, opening_s=template.brand.intro_s + _SEEN_CLEAN_S + 0.5)
    if template.brand.outro == "card" and branding.has_contact:
        outro = draw_contact_card(sheet, branding.brand, branding.words)
        cards[outro.name] = np.ascontiguousarray(outro.pixels[..., :3])
        options = replace(options, outro=outro.name)
    return Carded(options, cards)


def plan_film(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    branding: Branding,
    options: EditOptions,
    music: Music | None,
) -> Plan:
    """Edit a film and draw its cards, title, captions, logo and watermark.

    Raises
    ------
    BadInput
        As `make_timeline` does, and for words that the fonts cannot draw.
    """
    carded = draw_cards(template, shape, branding, options)
    return plan_carded_film(photos, template, shape, branding, carded, music)


def plan_carded_film(
    photos: Sequence[FilmPhoto],
    template: Template,
    shape: Shape,
    branding: Branding,
    carded: Carded,
    music: Music | None,
) -> Plan:
    """Do as `plan_film` does where the cards are drawn already."""
    timeline = make_timeline(photos, template, shape, carded.options, music)
    builder = _OverlayBuilder(timeline, template, _sheet(template, shape, branding))
    builder.lay_logo(branding.brand)
    builder.lay_labels(photos)
    title_ends = builder.lay_opening(branding)
    captioned = not template.brand.captions or builder.lay_captions(photos, after=title_ends)
    notes = () if captioned else (_NO_CAPTIONS,)
    builder.lay_closing(branding)
    builder.lay_watermark(branding.brand)
    if branding.waveform and music is not None and music.energy.size:
        turned = any(is_right_to_left(photo.caption or "") for photo in photos)
        builder.lay_waveform(music, "bottom-left" if turned else "bottom-right")
    film = replace(timeline.film, overlays=tuple(builder.overlays))
    return Plan(timeline, film, carded.cards, builder.pictures, notes)


def _sheet(template: Template, shape: Shape, branding: Branding) -> Sheet:
    return make_sheet(shape.width, shape.height, template.titles, branding.fonts, branding.brand)


@dataclass
class _OverlayBuilder:
    """Collects overlays and their pictures."""

    timeline: Timeline
    template: Template
    sheet: Sheet
    pictures: dict[str, Rgba] = field(default_factory=dict)
    overlays: list[Overlay] = field(default_factory=list)

    def lay_opening(self, branding: Branding) -> int:
        """Lay the title over the first photo; return the frame from which captions may come.

        The photo is seen without it for a second, or for half of a clip that is shorter than two.
        Where that leaves too little of the clip to read it, the photo comes first and the title
        goes on over the next.
        """
        if self.template.brand.intro != "over_photo" or not branding.has_words:
            return 0
        wanted, end = self._frames(self.template.brand.intro_s), self._alone(0)[1]
        clean = min(self._frames(_SEEN_CLEAN_S), -(-self.timeline.span(0)[1] // 2))
        span = (0, min(wanted, end - clean))
        if span[1] < min(wanted, self._frames(_SHORTEST_TITLE_S)):
            span = (clean, min(clean + wanted, self._body()[1]))
        self._add(draw_opening(self.sheet, branding.words), span, (0.5, 0.5), "centre")
        return span[1]

    def lay_captions(self, photos: Sequence[FilmPhoto], after: int) -> bool:
        """Lay each photo's caption into the lower third, once; all of them or none.

        While the photo is seen alone, or, where that is too short to read it, from cut to cut. The
        title goes first: a photo that is seen only under it has no caption.

        Returns
        -------
        bool
            False where one would be seen too shortly, and there are none.
        """
        clean = self._frames(_SEEN_CLEAN_S) if after else 0
        shown: dict[int, tuple[int, int]] = {}
        hidden, short = set[int](), set[int]()
        for clip, source in enumerate(self.timeline.sources):
            if source == CARD or source in shown or not photos[source].caption:
                continue
            spans = (self._alone(clip), self.timeline.span(clip))
            long = [span for span in spans if self._is_readable(span)]
            waits = (clean, 0) if clip == 0 else (0,)
            late = [(max(low, after + wait), high) for wait in waits for low, high in long]
            span = next(filter(self._is_readable, late), None)
            if span is not None:
                shown[source] = span
            else:
                (hidden if long else short).add(source)
        if short - hidden - set(shown):
            return False
        for source, span in shown.items():
            self._add_caption(photos[source].caption or "", span)
        return True

    def _is_readable(self, span: tuple[int, int]) -> bool:
        return span[1] - span[0] >= self._frames(SHORTEST_CAPTION_S)

    def lay_labels(self, photos: Sequence[FilmPhoto]) -> None:
        """Pin each photo's labels to their spots while it is seen alone."""
        for clip, source in enumerate(self.timeline.sources):
            for label in photos[source].labels if source != CARD else ():
                low, high = self._alone(clip)
                if self._is_readable((low, high)):
                    self._add(draw_label(self.sheet, label.text), (low, high), (0, 0), "bottom")
                    pin = Pin(clip, *self._spot(clip, photos[source], label))
                    self.overlays[-1] = replace(self.overlays[-1], pinned_to=pin)

    def _spot(self, clip: int, photo: FilmPhoto, label: SpotLabel) -> tuple[float, float]:
        spot = label.x, label.y
        if self.timeline.film.clips[clip].fit != BACKDROP:
            return spot
        frame = (self.sheet.width, self.sheet.height)
        return spot_on_backdrop(spot, (photo.width, photo.height), frame)

    def _alone(self, clip: int) -> tuple[int, int]:
        """Return the frames in which a clip takes part in no transition."""
        halves = [0, *(t.frames // 2 for t in self.timeline.film.transitions), 0]
        low, high = self.timeline.span(clip)
        return low + halves[clip], high - halves[clip + 1]

    def _add_caption(self, caption: str, span: tuple[int, int]) -> None:
        title, *others = lines_of(caption) or [caption]
        turned = is_right_to_left(caption)
        side, end = self.sheet.side / self.sheet.width, self.sheet.ends / self.sheet.height
        anchor = "bottom-right" if turned else "bottom-left"
        at = (1 - side if turned else side, 1 - end)
        self._add(draw_lower_third(self.sheet, title, " ".join(others)), span, at, anchor)

    def lay_logo(self, brand: Brand) -> None:
        """Lay the logo into its corner while photos are seen."""
        style = self.template.brand
        if brand.logo is None or style.logo == "none":
            return
        width = round(style.logo_width * self.sheet.width)
        height = round(_LOGO_HEIGHT * self.sheet.height)
        logo, margin = draw_logo_on_photos(self.sheet, brand.logo, width, height)
        # the logo, not its glow, keeps to the safe area
        side = (self.sheet.side - margin) / self.sheet.width
        end = (self.sheet.ends - margin) / self.sheet.height
        at = (
            1 - side if "right" in style.logo else side,
            1 - end if "bottom" in style.logo else end,
        )
        self._add(logo, self._body(), at, style.logo, style.logo_opacity)

    def lay_closing(self, branding: Branding) -> None:
        """Lay the contact card over the last photo where the template wants no card of its own."""
        if self.template.brand.outro != "over_photo" or not branding.has_contact:
            return
        card = draw_contact_card(self.sheet, branding.brand, branding.words, _CLOSING_OPACITY)
        total = self.timeline.film.frames
        start = max(0, total - self._frames(self.template.brand.outro_s))
        self._add(card, (start, total), (0.5, 0.5), "centre")

    def lay_watermark(self, brand: Brand) -> None:
        """Lay the watermark over the whole film."""
        if brand.watermark:
            mark = draw_watermark(self.sheet, brand.watermark)
            self._add(mark, (0, self.timeline.film.frames), (0.5, 0.62), "centre")

    def lay_waveform(self, music: Music, corner: str) -> None:
        """Lay the music's energy into a corner, a second further each second."""
        width, height = (2 * round(side / 2) for side in (
            _WAVE_WIDTH * self.sheet.width, _WAVE_HEIGHT * self.sheet.height
        ))  # fmt: skip
        low, high = self._body()
        step = self._frames(1.0)
        side, y = self.sheet.side / self.sheet.width, 1 - self.sheet.ends / self.sheet.height
        x = side if corner == "bottom-left" else 1 - side
        for start in range(low, high, step):
            played = (start - low) / max(1, high - low)
            bars = draw_waveform(self.sheet, music.energy, played, (width, height)).pixels
            # a plate as captions have, so that bars are seen on any floor
            plate = blank(width + height, 2 * height, opacity=_PLATE_OPACITY)
            picture = name_picture(lay_over(plate, bars, height // 2, height // 2))
            self.pictures[picture.name] = picture.pixels
            share = picture.pixels.shape[1] / self.sheet.width
            span = start, min(step, high - start)
            self.overlays.append(Overlay(picture.name, *span, x, y, corner, share))

    def _body(self) -> tuple[int, int]:
        """Return the frames between the cards."""
        cuts, sources = self.timeline.cuts, self.timeline.sources
        low = cuts[0] if sources[0] == CARD else 0
        return low, cuts[-1] if sources[-1] == CARD else self.timeline.film.frames

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self.timeline.film.fps))

    def _add(
        self,
        picture: Picture,
        span: tuple[int, int],
        at: tuple[float, float],
        anchor: str,
        opacity: float = 1.0,
    ) -> None:
        frames = span[1] - span[0]
        fade = min(self._frames(_FADE_S), frames // 3)
        # what is there from the first frame on needs no entrance: it is part of the poster too
        fade_in = 0 if span[0] == 0 else fade
        fade_out = 0 if span[1] == self.timeline.film.frames else fade
        width = picture.pixels.shape[1] / self.sheet.width
        self.pictures[picture.name] = picture.pixels
        self.overlays.append(
            Overlay(picture.name, span[0], frames, *at, anchor, width, opacity, fade_in, fade_out)
        )
