"""`render_video`: from photos and a song to films, looked at before they are handed out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from serving.db.tables import Json
from serving.image import Image
from serving.render.frames import Sources
from serving.render.mux import Chapter
from serving.render.sound import Sound
from serving.render.stills import make_loop, make_poster
from serving.render.template_files import open_template, shipped_fonts
from serving.requests.film import FilmInput
from serving.requests.format import Format
from serving.video.draw.grade import Lut
from serving.video.draw.rgba import Rgba
from serving.video.edit.assembly import EditOptions
from serving.video.edit.chapters import choose_poster, list_chapters
from serving.video.edit.cut_points import Music
from serving.video.edit.overlays import Branding, Plan, draw_cards, plan_carded_film
from serving.video.edit.templates import Template
from serving.video.edit.timeline import wanted_frames
from serving.video.film import Film
from serving.video.titles.layout import Words
from serving.workflows.film_check import Planned, faulty, find_faults, picture_of
from serving.workflows.film_material import (
    Material,
    gather_photos,
    open_brand,
    open_depth,
    open_luts,
)
from serving.workflows.film_sound import RATE_HZ, Song, make_sound, open_song
from serving.workflows.film_timeline import edits_of, timeline_of
from serving.workflows.rendering import (
    PreparedFilm,
    forget,
    publish_preview,
    render_to,
    shape_of,
    workspace,
)
from serving.workflows.run import Run


@dataclass(frozen=True)
class FilmContext:
    """All that the films of one job have in common."""

    run: Run
    request: FilmInput
    material: Material
    template: Template
    luts: Mapping[str, Lut]
    branding: Branding
    song: Song | None
    folder: Path
    sounds: dict[int, Sound | None] = field(default_factory=dict)

    def sound(self, film: Film) -> Sound | None:
        """Return the mix for a film, the same one for all that are as long."""
        samples = round(film.frames / film.fps * RATE_HZ)
        if samples not in self.sounds:
            self.sounds[samples] = make_sound(self.run, self.request, self.song, samples)
        return self.sounds[samples]

    def notes(self) -> list[str]:
        """Return what is to be known of the files that the sound was mixed from, each once."""
        notes = [note for sound in self.sounds.values() if sound for note in sound.notes]
        return list(dict.fromkeys(notes))


@dataclass(frozen=True)
class Draft:
    """A film before it is rendered: its plan, the beats it follows, and what it is made of."""

    plan: Plan
    music: Music | None
    cut: PreparedFilm


def render_video(run: Run) -> Json:
    """Render `input` in each of its formats.

    What was made before is used again, by whichever job or attempt: the track's analysis, the mix,
    and every segment whose pixels depend on nothing that changed.
    """
    request = run.input_as(FilmInput)
    with workspace(run) as folder:
        context = _open_context(run, request, folder)
        drafts = {output: _draft(context, output) for output in request.formats}
        preview = None
        if request.preview:
            preview = publish_preview(run, drafts[request.formats[0]].cut, folder)
        made = {output: _make_film(context, output, draft) for output, draft in drafts.items()}
    return {
        "films": [made[output] for output in request.formats],
        "preview": preview,
        "template": context.template.name,
        "skipped": list(context.material.skipped),
        "notes": [*context.notes(), *_notes(drafts)],
    }


def _notes(drafts: Mapping[Format, Draft]) -> list[str]:
    return [
        f"{output.name}: {note}" for output, draft in drafts.items() for note in draft.plan.notes
    ]


def _open_context(run: Run, request: FilmInput, folder: Path) -> FilmContext:
    template, luts = open_luts(run, request, open_template(request.template))
    song = open_song(run, request)
    words = Words(**request.words.model_dump())
    branding = Branding(words, open_brand(run, request.brand), shipped_fonts(), request.waveform)
    material = gather_photos(run, request, folder)
    return FilmContext(run, request, material, template, luts, branding, song, folder)


def _draft(context: FilmContext, output: Format) -> Draft:
    """Cut the film to the music at the length that was asked for, or that suits both."""
    photos, request, song = context.material.photos, context.request, context.song
    shape = shape_of(output)
    options = EditOptions(
        frames=None if request.length_s is None else round(request.length_s * shape.fps),
        keep_all=request.length_s is None,
        edits=edits_of(request.timeline, context.material.numbers) if request.timeline else (),
    )
    carded = draw_cards(context.template, shape, context.branding, options)
    first = song.music() if song else None
    frames = wanted_frames(photos, context.template, shape, carded.options, first)
    music = song.fitted(round(frames / shape.fps * RATE_HZ)) if song else None
    carded = replace(carded, options=replace(carded.options, frames=frames))
    plan = plan_carded_film(photos, context.template, shape, context.branding, carded, music)
    sound = context.sound(plan.film)
    title = request.words.headline or request.words.address
    chapters = tuple(
        Chapter(chapter.frame, chapter.name)
        for chapter in list_chapters(plan.timeline, photos, title)
    )
    cut = PreparedFilm(plan.film, _sources(context, plan), sound, chapters, output.codec)
    return Draft(plan, music, cut)


def _sources(context: FilmContext, plan: Plan) -> Sources:
    files = context.material.files

    def photo(name: str) -> bytes | Image:
        return plan.cards[name] if name in plan.cards else files[name].read_bytes()

    def picture(name: str) -> Rgba:
        known = plan.pictures.get(name)
        return open_depth(context.folder, name) if known is None else known

    return Sources(photo, picture, context.luts)


def _make_film(context: FilmContext, output: Format, draft: Draft) -> Json:
    """Render, check and store one film; return where it is and what it is."""
    path = context.folder / f"{output.name}.mp4"
    done = render_to(context.run, draft.cut, path)
    findings = find_faults(path, _planned(context, draft), context.run.check)
    if findings:
        shown = context.run.key_of(f"faulty-{output.name}.jpg")
        context.run.parts.storage.write(shown, picture_of(path, findings[0].frame))
        forget(context.run, draft.cut)
        raise faulty(output.name, findings, shown)
    film = draft.cut.film
    return {
        "format": output.name,
        "width": film.width,
        "height": film.height,
        "fps": output.fps,
        "codec": output.codec,
        "frames": film.frames,
        "duration_s": round(float(film.frames / film.fps), 3),
        "cuts_s": [round(cut / output.fps, 3) for cut in draft.plan.timeline.cuts],
        "left_out": _left_out(context, draft),
        "frames_drawn": done.drawn,
        "segments": done.segments,
        "segments_reused": done.reused,
    } | _store(context, output, draft, path)


def _left_out(context: FilmContext, draft: Draft) -> list[str]:
    """Return what the request calls the photos that found no room."""
    numbers = context.material.numbers
    return [context.request.photos[numbers[index]].photo for index in draft.plan.timeline.left_out]


def _planned(context: FilmContext, draft: Draft) -> Planned:
    # a film that shows every photo may have to cut between beats
    music = draft.music if context.request.length_s is not None else None
    return Planned(draft.cut, draft.plan.timeline.cuts, music)


def _store(context: FilmContext, output: Format, draft: Draft, path: Path) -> Json:
    storage = context.run.parts.storage
    base = context.run.key_of(output.name)
    frame = choose_poster(draft.plan.timeline, context.material.photos)
    storage.write(f"{base}.jpg", make_poster(draft.cut.film, draft.cut.sources, frame))
    storage.write(f"{base}.webp", make_loop(draft.cut.film, draft.cut.sources))
    storage.write_from(path, f"{base}.mp4", "video/mp4")
    cut = timeline_of(draft.plan.timeline, context.material.numbers)
    text = cut.model_dump_json(exclude_none=True, indent=1)
    storage.write(f"{base}.timeline.json", text.encode(), "application/json")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "film": f"{base}.mp4",
        "poster": f"{base}.jpg",
        "loop": f"{base}.webp",
        "timeline": f"{base}.timeline.json",
        "bytes": path.stat().st_size,
        "sha256": sha256,
    }
