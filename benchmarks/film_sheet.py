"""Contact sheets of every transition and of every shipped template, to be looked at.

Drawn from the sample listing by the code that renders films: `docs/film-transitions.jpg`,
`docs/film-templates.jpg`, and for every template the first seconds of its film as a small loop in
`docs/templates/`. The figures are the pictures' sizes.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml
from figures import Figures, parse
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from servers import ROOT

from serving.render.frames import FrameRenderer, Sources
from serving.render.segments import split_film
from serving.render.stills import draw_frame
from serving.render.template_files import shipped_fonts, shipped_templates
from serving.video.draw.looks import LOOKS, make_look
from serving.video.draw.rgba import Rgba
from serving.video.draw.transitions import KINDS
from serving.video.draw.yuv import empty_planes, to_rgb
from serving.video.edit.assembly import CARD, EditOptions, Shape
from serving.video.edit.cut_points import Music
from serving.video.edit.overlays import Branding, Plan, plan_film
from serving.video.edit.photo_order import FilmPhoto
from serving.video.edit.templates import Template
from serving.video.film import Clip, Film, Motion, Transition, View
from serving.video.titles.layout import Brand, Words

LISTING = ROOT / "datasets" / "sample_listing"
STILL = Motion(View(0.5, 0.5, 1.0), View(0.5, 0.5, 1.0))
# of a transition of 19 frames: t = 0.15, 0.35, 0.5, 0.65 and 0.85
CHANGE, MOMENTS = 19, {0.15: 2, 0.35: 6, 0.5: 9, 0.65: 12, 0.85: 16}
SHEET_PX, LABEL_PX, GAP_PX = 1496, 190, 6
FPS = 30
CAPTIONS = {
    "exterior": "Built to last\nStone, larch and a new roof",
    "living_room": "Living room\n42 m², facing south",
    "kitchen": "Kitchen\nSolid oak, fitted in 2024",
    "dining_room": "Dining room\nSeats eight",
    "bedroom": "Main bedroom\nUnder the quiet side of the roof",
    "bathroom": "Bathroom\nWalk-in shower",
}
LOOP_S, LOOP_FPS, LOOP_BYTES = 9, 5, 150_000


@dataclass(frozen=True)
class Row:
    """One line of a sheet: what it is called, and its pictures from left to right."""

    name: str
    note: str
    pictures: Sequence[Pillow.Image]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=("transitions", "templates", "loops"))
    arguments, figures = parse(__doc__, parser), Figures()
    wanted, out = arguments.only or ("transitions", "templates", "loops"), arguments.out
    (out / "templates").mkdir(parents=True, exist_ok=True)
    templates = list(shipped_templates().values())[: 2 if arguments.quick else None]
    if "transitions" in wanted:
        kinds = list(KINDS)[: 3 if arguments.quick else None]
        sheet = lay_out([transition_row(kind) for kind in kinds], list(map("{:g}".format, MOMENTS)))
        save(sheet, out / "film-transitions.jpg", figures)
    if "templates" in wanted:
        sheet = lay_out([template_row(template) for template in templates])
        save(sheet, out / "film-templates.jpg", figures)
    for template in templates if "loops" in wanted else ():
        data = make_loop(template)
        (out / "templates" / f"{template.name}.webp").write_bytes(data)
        figures.add(f"film_sheet.{template.name}_kb", len(data) / 1000)
    figures.print()


def transition_row(kind: str) -> Row:
    """Draw a transition between two rooms at five moments."""
    names = [str(LISTING / name) for name in ("02-living_room.jpg", "05-bedroom.jpg")]
    clips = tuple(Clip(name, CHANGE + 1, STILL) for name in names)
    film = Film(512, 288, Fraction(FPS), clips, (Transition(kind, CHANGE),))
    sources = Sources(lambda name: Path(name).read_bytes(), _no_picture)
    pictures = [Pillow.fromarray(draw_frame(film, sources, 1 + at)) for at in MOMENTS.values()]
    return Row(kind, "", [picture.resize((256, 144)) for picture in pictures])


def _no_picture(name: str) -> Rgba:
    raise KeyError(name)  # there are no overlays


def template_row(template: Template) -> Row:
    """Draw eight moments of a template's film: its title, captions, changes and last card."""
    plan = plan_listing(template, (720, 1280) if template.suits == "tall" else (1280, 720))
    sources, width = sources_of(plan), 156 if template.suits == "tall" else 318
    height = round(width * plan.film.height / plan.film.width)
    pictures = [
        Pillow.fromarray(draw_frame(plan.film, sources, frame)).resize((width, height))
        for frame in pick_moments(plan)
    ]
    return Row(template.name, template.description, pictures)


def plan_listing(template: Template, size: tuple[int, int], music: Music | None = None) -> Plan:
    """Edit a film of the sample listing, to music if there is any, with titles and brand."""
    photos = []
    for asked in yaml.safe_load((LISTING / "listing.yaml").read_text())["photos"]:
        path, room = LISTING / asked["file"], asked["room_type"]
        with Pillow.open(path) as photo:
            weight = 2.0 if room in ("exterior", "kitchen") else 1.0
            photos.append(
                FilmPhoto(str(path), *photo.size, weight, room=room, caption=CAPTIONS[room])
            )
    words = Words("House above the lake", "12 Larch Lane", "€ 890,000", "4 rooms · 142 m²")
    brand = Brand(
        "Nest & Co.", "Ana Ruiz", "+41 44 555 01 23", "ana@nest.example", "nest.example",
        logo=draw_mark(),
    )  # fmt: skip
    branding = Branding(words, brand, shipped_fonts())
    return plan_film(photos, template, Shape(*size, Fraction(FPS)), branding, EditOptions(), music)


def draw_mark() -> Rgba:
    """Draw a logo: a roof in a disc, and a name."""
    mark = Pillow.new("RGBA", (1200, 400))
    pen = ImageDraw.Draw(mark)
    pen.ellipse((20, 20, 380, 380), fill=(255, 255, 255, 255))
    pen.polygon([(200, 90), (320, 200), (290, 200), (290, 300), (110, 300), (110, 200), (80, 200)],
                fill=(40, 70, 90, 255))  # fmt: skip
    pen.text((430, 200), "NEST", (255, 255, 255, 255), _font("sans-bold", 240), anchor="lm")
    return np.asarray(mark)


def sources_of(plan: Plan) -> Sources:
    """Return the plan's photos, cards, pictures and looks."""
    return Sources(
        lambda name: plan.cards[name] if name in plan.cards else Path(name).read_bytes(),
        lambda name: plan.pictures[name],
        {name: make_look(name) for name in LOOKS},
    )


def pick_moments(plan: Plan) -> list[int]:
    """Return eight frames: the opening, the end, each kind of transition once, photos."""
    timeline = plan.timeline
    around = pairwise(timeline.sources)
    kinds: dict[str, int] = {}
    for cut, change, sources in zip(timeline.cuts, plan.film.transitions, around, strict=True):
        if change.frames and CARD not in sources:
            # a little before its middle, where a dip is one colour
            kinds.setdefault(change.kind, cut - change.frames // 6)
    middles = [sum(timeline.span(clip)) // 2 for clip in range(len(timeline.sources))]
    # at the middle of the first photo there may be the title still
    first = 2 if timeline.sources[0] == CARD else 1
    changes = list(kinds.values())[:3]
    clips = middles[first:-1][: 6 - len(changes)]
    return sorted([FPS, *changes, *clips, middles[-1]])


def make_loop(template: Template) -> bytes:
    """Return the first seconds of a template's film as a WebP that repeats, small enough."""
    plan = plan_listing(template, (360, 640) if template.suits == "tall" else (640, 360))
    wide = 150 if template.suits == "tall" else 256
    size = (wide, round(wide * plan.film.height / plan.film.width))
    pictures = [picture.resize(size) for picture in every(plan, FPS // LOOP_FPS, LOOP_S * FPS)]
    for quality in range(60, 10, -10):
        file = io.BytesIO()
        pictures[0].save(
            file, "WEBP", save_all=True, append_images=pictures[1:], loop=0,
            duration=1000 // LOOP_FPS, quality=quality, method=4,
        )  # fmt: skip
        if file.tell() <= LOOP_BYTES:
            break
    return file.getvalue()


def every(plan: Plan, step: int, end: int) -> Iterator[Pillow.Image]:
    """Yield every `step`th frame before frame `end`."""
    renderer = FrameRenderer(plan.film, sources_of(plan))
    out = empty_planes(plan.film.width, plan.film.height)
    for segment in split_film(plan.film):
        if segment.start >= end:
            return
        draw = renderer.painter(segment)
        first = -segment.start % step
        for number in range(first, min(segment.frames, end - segment.start), step):
            draw(number, out)
            yield Pillow.fromarray(to_rgb(out))


def lay_out(rows: Sequence[Row], heads: Sequence[str] = ()) -> Pillow.Image:
    """Put rows below each other, each with its name at the left."""
    top = 28 if heads else GAP_PX
    places = [list(place(row.pictures)) for row in rows]
    heights = [
        line[-1][1] + row.pictures[0].height + GAP_PX
        for line, row in zip(places, rows, strict=True)
    ]
    sheet = Pillow.new("RGB", (SHEET_PX, top + sum(heights)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, head in enumerate(heads):
        step = rows[0].pictures[0].width + GAP_PX
        at = (LABEL_PX + number * step + step // 2, top // 2)
        pen.text(at, f"t = {head}", "black", _font("sans-regular", 15), anchor="mm")
    for row, height, line in zip(rows, heights, places, strict=True):
        sheet.paste(label(row), (10, top + 6))
        for picture, (left, down) in zip(row.pictures, line, strict=True):
            sheet.paste(picture, (left, top + down))
        top += height
    return sheet


def label(row: Row) -> Pillow.Image:
    """Write a row's name and note, drawn twice as large: small letters stand unevenly."""
    card = Pillow.new("RGB", (2 * (LABEL_PX - 16), 240), "white")
    pen = ImageDraw.Draw(card)
    pen.text((0, 0), row.name, "black", _font("sans-bold", 36))
    for number, text in enumerate(wrap(row.note, card.width)):
        pen.text((0, 56 + 34 * number), text, "#444444", _font("sans-regular", 26))
    return card.resize((card.width // 2, card.height // 2), Pillow.Resampling.LANCZOS)


def place(pictures: Sequence[Pillow.Image]) -> Iterator[tuple[int, int]]:
    """Yield where each of a row's pictures lies: from left to right, as many lines as it takes."""
    left, down = LABEL_PX, 0
    for picture in pictures:
        if left + picture.width > SHEET_PX:
            left, down = LABEL_PX, down + picture.height + GAP_PX
        yield left, down
        left += picture.width + GAP_PX


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels."""
    lines, font = [""], _font("sans-regular", 26)
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(shipped_fonts()[name]), size)


def save(sheet: Pillow.Image, path: Path, figures: Figures) -> None:
    """Write a sheet as a JPEG and say how large it is."""
    sheet.save(path, "JPEG", quality=82, optimize=True, progressive=True)
    figures.say(f"{path.name}: {sheet.width}x{sheet.height}")
    figures.add(f"film_sheet.{path.stem.removeprefix('film-')}_kb", path.stat().st_size / 1000)


if __name__ == "__main__":
    main()
