"""What a film is made of: photos, brand and look, fetched and judged before anything is drawn."""

import contextlib
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import UnidentifiedImageError

from serving.db.tables import Json
from serving.encoded import Encoded
from serving.errors import (
    BadImage,
    BadInput,
    ModelFailed,
    ModelUnavailable,
    StudioError,
    TooLarge,
)
from serving.image import Image, PhotoFile, decode, opened
from serving.image.opacity import read_opacity
from serving.models.pinned import PinnedModel
from serving.models.predictor import Prediction, or_raise
from serving.perception.depth import DEPTH, nearness_of
from serving.perception.saliency import SALIENCY, SaliencyAnswer
from serving.photos.classify import ROOM_CLASSIFIER
from serving.photos.crop.crop import focus_points
from serving.photos.crop.importance import make_scene
from serving.photos.quality.task import PHOTO_QUALITY
from serving.problems import problem_of
from serving.render.frames import photo_size
from serving.render.template_files import open_template
from serving.requests.film import BrandSpec, FilmInput, PhotoSpec
from serving.task import Answer, Task
from serving.video.draw.grade import Lut, read_cube
from serving.video.draw.looks import LOOKS, make_look
from serving.video.draw.rgba import Rgba
from serving.video.edit.photo_order import FilmPhoto, SpotLabel, order_by_room
from serving.video.edit.templates import Look, Template
from serving.video.titles.layout import Brand
from serving.workflows.run import Run

_AT_ONCE = 4
_ORDINARY = 1.0  # a photo's weight where nobody says otherwise
_LOGO_PIXELS = 16_000_000
_DEPTH_PIXELS = 40_000_000
_CUBE_BYTES = 8 * 2**20
_JPEG, _FINE = b"\xff\xd8", 97  # 53 dB from the pixels, where the film's encoder keeps 43
_LONGEST_JPEG = 65_500
_DEPTH_SIDE = 1024  # of the photo at whose edges depth gets its steps
_PROOF_SIDE = 64  # a photo is decoded once, small, so that a damaged one is known from the start


@dataclass(frozen=True)
class Material:
    """What is there to make a film of.

    Attributes
    ----------
    photos : in the film's order, named by the SHA-256 of their bytes
    files : where each lies on this machine, so that memory does not grow with their number
    skipped : photos that cannot be read, each with its problem
    numbers : the place of each of `photos` in the request: what tells photos apart, since one may
        be sent twice
    """

    photos: tuple[FilmPhoto, ...]
    files: Mapping[str, Path]
    skipped: tuple[Json, ...]
    numbers: tuple[int, ...]


def gather_photos(run: Run, request: FilmInput, folder: Path) -> Material:
    """Fetch the photos into `folder`; ask models for rooms and weights that were not given.

    Raises
    ------
    BadInput
        If none can be read, or one cannot and `bad_photos` says to refuse.
    """
    intake = PhotoIntake(run, request, folder, _find_models(run, request))
    found: dict[int, FilmPhoto] = {}
    skipped: list[Json] = []
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="film") as pool:
        try:
            answers = pool.map(intake.take, request.photos)
            for number, answer in enumerate(answers):
                if isinstance(answer, FilmPhoto):
                    found[number] = answer
                else:
                    _refuse_or_skip(request, answer, skipped)
                run.report_progress(len(found) + len(skipped), len(request.photos), "photos")
        finally:
            pool.shutdown(cancel_futures=True)  # of a film that is not to be, no photo is fetched
    if not found:
        raise BadInput(f"none of the {len(request.photos)} photos can be read")
    numbers = tuple(found)
    if request.order == "rooms" and request.timeline is None:
        numbers = tuple(numbers[index] for index in order_by_room(tuple(found.values())))
    photos = tuple(found[number] for number in numbers)
    files = {photo.name: folder / photo.name for photo in photos}
    return Material(photos, files, tuple(skipped), numbers)


@dataclass(frozen=True)
class PhotoIntake:
    """Fetches, checks and stores the photos of a film, several at the same time."""

    run: Run
    request: FilmInput
    folder: Path
    models: "_Models"

    def take(self, spec: PhotoSpec) -> FilmPhoto | Json:
        """Return the photo, its file written into the folder, or what is wrong with it."""
        self.run.check()
        try:
            data = self.run.read(spec.photo)
            depth = None if spec.depth is None else self._read_depth(spec.depth)
            photo = self._judge(spec, data)
            self._keep(photo, data)
        except StudioError as error:
            if not isinstance(error, BadInput) and not self.run.should_give_up(error):
                raise
            return {"photo": spec.photo, "error": problem_of(error).model_dump()}
        file = PhotoFile(data, self.run.parts.settings.max_pixels)
        photo = self.models.complete(photo, spec, file)
        depth = self.models.draw_depth(spec, file) if depth is None else depth
        if depth is None:
            return photo
        name = f"depth-{hashlib.sha256(depth).hexdigest()}"
        (self.folder / name).write_bytes(depth)
        return replace(photo, depth=name)

    def _read_depth(self, name: str) -> bytes:
        """Return the file of a depth picture; what is wrong with it names it, not the photo."""
        try:
            data = self.run.read(name)
            decode(data, _DEPTH_PIXELS)
        except BadInput as error:
            error.args = (f"its depth '{name}': {error}",)
            raise
        return data

    def _judge(self, spec: PhotoSpec, data: bytes) -> FilmPhoto:
        width, height = photo_size(data)
        return FilmPhoto(
            name=hashlib.sha256(data).hexdigest(),
            width=width,
            height=height,
            weight=_ORDINARY if spec.weight is None else spec.weight,
            focus=tuple(spec.focus),
            room=spec.room,
            caption=spec.caption,
            labels=tuple(SpotLabel(label.text, label.x, label.y) for label in spec.labels),
        )

    def _keep(self, photo: FilmPhoto, data: bytes) -> None:
        """Write the photo into the folder once all of it was decoded; BadImage if it cannot be.

        As a JPEG, if it is none: a telephone's HEIC takes ten times as long to decode, and is
        decoded for the preview and for each format.
        """
        kept_as_it_is = data.startswith(_JPEG) or max(photo.width, photo.height) > _LONGEST_JPEG
        side = _PROOF_SIDE if kept_as_it_is else 0
        with opened(data, self.run.parts.settings.max_pixels, side) as pixels:
            if not kept_as_it_is:
                data = simplejpeg.encode_jpeg(pixels, _FINE, "RGB", "444")
        (self.folder / photo.name).write_bytes(data)


@dataclass(frozen=True)
class _Models:
    """The models that are asked about what a request leaves open; None: that one is not asked."""

    run: Run
    rooms: PinnedModel | None
    quality: PinnedModel | None
    saliency: PinnedModel | None
    depth: PinnedModel | None

    def draw_depth(self, spec: PhotoSpec, file: PhotoFile) -> bytes | None:
        """Return a depth picture as PNG, near is bright; None if the model cannot say."""
        if self.depth is None:
            return None
        found = self._ask(DEPTH, file, self.depth, spec.photo, needed=False)
        if found is None:
            return None
        near = nearness_of(found, file.pixels(min_side=_DEPTH_SIDE))
        return Encoded.of_map(near).data

    def complete(self, photo: FilmPhoto, spec: PhotoSpec, file: PhotoFile) -> FilmPhoto:
        """Return the photo with its room and its weight, as far as models know them."""
        if photo.room is None and self.rooms is not None:
            room = self._ask(ROOM_CLASSIFIER, file, self.rooms, spec.photo, needed=True)
            photo = replace(photo, room=room.room_type if room else None)
        if spec.weight is None and self.quality is not None:
            quality = self._ask(PHOTO_QUALITY, file, self.quality, spec.photo, needed=False)
            photo = replace(photo, weight=_weigh(quality.score) if quality else _ORDINARY)
        if not spec.focus and self.saliency is not None:
            salient = self._ask(SALIENCY, file, self.saliency, spec.photo, needed=False)
            photo = replace(photo, focus=_look_at(salient, file) if salient else ())
        return photo

    def _ask(
        self,
        task: Task[PhotoFile, Answer],
        file: PhotoFile,
        model: PinnedModel,
        photo: str,
        *,
        needed: bool,
    ) -> Answer | None:
        try:
            found: Prediction[Answer] = or_raise(self.run.ask(task, file, model, photo))
        except (BadInput, ModelFailed):  # more pixels than the model takes
            return None
        except ModelUnavailable as error:
            if needed and not self.run.should_give_up(error):
                raise
            return None
        return found.answer


def _weigh(score: float) -> float:
    """Return the weight of a photo whose quality is `score`, 0..100: 1.5 for the best, 0.5."""
    return round(0.5 + score / 100, 2)


def _look_at(salient: SaliencyAnswer, file: PhotoFile) -> tuple[tuple[float, float], ...]:
    """Return the point that a camera goes to; none where the photo prefers nothing."""
    scene = make_scene(salient.map.array(), file.size)
    point = focus_points(scene)[0]
    return ((point.x, point.y),) if scene.clear else ()


def _find_models(run: Run, request: FilmInput) -> _Models:
    """Return the models to ask: where a request leaves the order to us.

    A film in the order it was sent is better than none: where no model answers to the last, rooms
    stay unknown. Without a judge of quality all photos weigh the same; where nobody says what is
    salient, the camera goes to the middle; without depth nothing moves apart.
    """
    rooms = quality = saliency = depth = None
    if request.order == "rooms" and any(spec.room is None for spec in request.photos):
        try:
            rooms = run.pin_route(ROOM_CLASSIFIER)
        except ModelUnavailable as error:
            if not run.should_give_up(error):
                raise
    if request.order == "rooms" and any(spec.weight is None for spec in request.photos):
        with contextlib.suppress(ModelUnavailable):
            quality = run.pin_route(PHOTO_QUALITY)
    if any(not spec.focus for spec in request.photos):
        with contextlib.suppress(ModelUnavailable):
            saliency = run.pin_route(SALIENCY)
    if _uses_depth(request) and any(spec.depth is None for spec in request.photos):
        with contextlib.suppress(ModelUnavailable):
            depth = run.pin_route(DEPTH)
    return _Models(run, rooms, quality, saliency, depth)


def _uses_depth(request: FilmInput) -> bool:
    motion = open_template(request.template).motion
    return bool(motion.parallax or motion.focus_blur)


def _refuse_or_skip(request: FilmInput, found: Json, skipped: list[Json]) -> None:
    if request.bad_photos == "refuse":
        raise BadImage(f"photo '{found['photo']}': {found['error']['detail']}")
    skipped.append(found)


def open_depth(folder: Path, name: str) -> Image:
    """Return a photo's depth picture, near is bright; any channel says it."""
    return decode((folder / name).read_bytes(), _DEPTH_PIXELS)


def open_luts(run: Run, request: FilmInput, template: Template) -> tuple[Template, dict[str, Lut]]:
    """Return the template with the look that counts, and the looks by name."""
    luts = {name: make_look(name) for name in LOOKS}
    if request.lut is None:
        return template, luts
    data = run.read(request.lut, _CUBE_BYTES)
    name = f"cube-{hashlib.sha256(data).hexdigest()[:16]}"
    try:
        luts[name] = read_cube(data)
    except BadInput as error:
        error.args = (f"the look '{request.lut}': {error}",)
        raise
    strength = template.look.strength if template.look else 1.0
    return template.model_copy(update={"look": Look(name=name, strength=strength)}), luts


def open_brand(run: Run, spec: BrandSpec) -> Brand:
    """Return the brand with its logo's pixels."""
    texts = spec.model_dump(exclude={"logo"})
    logo = None if spec.logo is None else _open_logo(run.read(spec.logo))
    return Brand(**texts, logo=logo)


def _open_logo(data: bytes) -> Rgba:
    """Return a logo's upright sRGB pixels, as photos are decoded, with their transparency."""
    try:
        flat = decode(data, _LOGO_PIXELS)
        alpha = read_opacity(data)
    except TooLarge as error:
        if error.limit != _LOGO_PIXELS:
            raise
        raise TooLarge("pixels of the logo", error.size, _LOGO_PIXELS) from error
    except (BadImage, UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadImage(f"the logo cannot be read: {error}") from error
    if alpha is None:
        alpha = np.full(flat.shape[:2], 255, np.uint8)
    share = np.maximum(alpha, 1)[..., None] / np.float32(255)
    # photos lie on white: what that added is taken away again
    colours = (flat - 255 * (1 - share)) / share
    return np.dstack([np.rint(colours).clip(0, 255).astype(np.uint8), alpha])
