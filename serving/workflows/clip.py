"""`generate_clip`: one photo as a clip of its own, kept for whoever asks for it again."""

from serving.db.tables import Json
from serving.render.frames import Sources
from serving.render.template_files import open_template
from serving.requests.clip import ClipInput
from serving.requests.film import FilmInput
from serving.video.edit.assembly import EditOptions
from serving.video.edit.timeline import make_timeline
from serving.workflows.film_material import gather_photos, open_depth, open_luts
from serving.workflows.rendering import PreparedFilm, render_to, shape_of, workspace
from serving.workflows.run import Run


def generate_clip(run: Run) -> Json:
    """Render `input["photo"]` as a clip; one that was rendered before costs nothing."""
    request = run.input_as(ClipInput)
    film = FilmInput(
        photos=[request.photo], template=request.template, order="given", bad_photos="refuse",
        formats=[request.format], length_s=request.length_s,
    )  # fmt: skip
    with workspace(run) as folder:
        template, luts = open_luts(run, film, open_template(film.template))
        material = gather_photos(run, film, folder)
        shape = shape_of(request.format)
        options = EditOptions(frames=round(request.length_s * shape.fps))
        timeline = make_timeline(material.photos, template, shape, options)
        sources = Sources(
            lambda name: material.files[name].read_bytes(),
            lambda name: open_depth(folder, name),
            luts,
        )
        path = folder / "clip.mp4"
        done = render_to(
            run, PreparedFilm(timeline.film, sources, codec=request.format.codec), path
        )
        key = run.key_of("clip.mp4")
        run.parts.storage.write_from(path, key, "video/mp4")
        return {
            "clip": key,
            "photo": request.photo.photo,
            "photo_sha256": material.photos[0].name,
            "format": request.format.name,
            "duration_s": round(float(timeline.film.frames / timeline.film.fps), 3),
            "bytes": path.stat().st_size,
            "cached": done.drawn == 0,
        }
