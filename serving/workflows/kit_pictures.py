"""`draw_kit`: a picture of each type of room with a client's design kit, for people who choose."""

from serving import traces
from serving.db.tables import Json
from serving.image import Image
from serving.image.writing import encode_photo
from serving.jobs.kit_pictures import DrawKit
from serving.render.rooms.renderer import PathTracer
from serving.staging.showroom import draw_showroom
from serving.workflows.kits import store_of, unpack
from serving.workflows.run import Run

_QUALITY = 82


def draw_kit(run: Run) -> Json:
    """Draw the rooms of a version that have no picture yet, unless there is a newer version.

    What an earlier attempt has drawn is not drawn again. A room in which none of the kit's
    furniture has a place is left out.
    """
    wanted = run.input_as(DrawKit)
    store, client = store_of(run), run.job.client
    if wanted.kit_version not in store.versions(client, wanted.kit)[:1]:
        return wanted.model_dump() | {"rooms": [], "superseded": True}
    stored = store.read(client, wanted.kit, wanted.kit_version)
    missing = [room for room in stored.kit.rooms if room not in store.previews(stored)]
    drawn: list[str] = []
    if not missing:
        return wanted.model_dump() | {"rooms": drawn, "superseded": False}
    with traces.span("draw a design kit", rooms=len(missing)):
        renderer, finished = PathTracer(), unpack(run, store, stored).finished()
        showroom = draw_showroom(renderer)
        for done, room in enumerate(missing):
            run.report_progress(done, len(missing), "rooms")
            picture = showroom.show(finished, room, renderer)
            if picture is not None:
                store.put_picture(client, stored, room, as_jpeg(picture))
                drawn.append(room)
        run.report_progress(len(missing), len(missing), "rooms")
    return wanted.model_dump() | {"rooms": drawn, "superseded": False}


def as_jpeg(picture: Image) -> bytes:
    """Return the file of a picture, as kits keep it."""
    return encode_photo(picture, "jpeg", _QUALITY)
