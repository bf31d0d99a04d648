"""`POST /internal/photos/crop`: where to look in photos, and how to crop them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from bentos.gateway import media_types
from bentos.gateway.accept import CurrentCaller
from bentos.gateway.bodies import JSON_BYTES, read_body
from bentos.gateway.crop_schema import CropRequest, CropResult, CropsAnswer
from bentos.gateway.dependencies import GatewayState, State
from bentos.gateway.document import body_of
from bentos.gateway.model_versions import DOCUMENTED, write_versions
from bentos.gateway.pools import PhotoPools
from bentos.problems import documented, parse_body
from serving.errors import BadInput, StudioError, TooLarge
from serving.image import PhotoFile, hash_photo
from serving.image.writing import CONTENT_TYPES, encode_photo
from serving.models.asker import Asker
from serving.models.predictor import Prediction, or_raise
from serving.models.results import FailedResult, ModelUsed
from serving.perception.detect import DETECTOR
from serving.perception.saliency import SALIENCY
from serving.photos.crop.crop import Crop, CropAnswer, crop_photo
from serving.photos.crop.importance import make_scene, things_of
from serving.photos.crop.picture import draw_crop
from serving.photos.crop.ratios import STANDARD, Ratio, read_ratio
from serving.problems import problem_of
from serving.requests.crop import MOST_RATIOS, Pixels
from serving.requests.photos import PhotoFormat

router = APIRouter(prefix="/internal/photos", tags=["photos"])

_BODIES = body_of(
    *media_types.PHOTOS,
    json=CropRequest,
    example={"photos": ["listings/42/kitchen.jpg"], "ratios": ["1:1", "9:16"]},
)
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_RATIOS = Query(
    max_length=MOST_RATIOS * 21,
    description="of a raw body: width:height of each crop, with commas; unset: the usual five",
    examples=["1:1,9:16"],
)
_RENDER = Query(description="of a raw body and one ratio: answer the cropped picture itself")


@router.post(
    "/crop",
    response_model=CropsAnswer,
    responses=documented(401, 413, 415, 422, 429, 503)
    | {
        200: {
            "headers": DOCUMENTED,
            "content": {kind: _PICTURE for kind in CONTENT_TYPES.values()},
        }
    },
    openapi_extra=_BODIES,
)
async def crop_photos(  # noqa: PLR0913 - FastAPI reads the query from the arguments
    request: Request,
    state: State,
    caller: CurrentCaller,
    ratios: Annotated[str, _RATIOS] = "",
    min_width: Annotated[Pixels, Query()] = 1,
    min_height: Annotated[Pixels, Query()] = 1,
    render: Annotated[bool, _RENDER] = False,
    width: Annotated[Pixels | None, Query(description="of the picture")] = None,
    format: Annotated[PhotoFormat, Query(description="of the picture")] = "jpeg",
) -> Response:
    """Say where to look in one photo (its bytes as the body) or many (their keys as JSON).

    Each gets focus points and one crop per ratio that keeps what matters whole: what is salient
    and, where a detector answers, the things that it found. With JSON, a photo that cannot be read
    has an `error` beside the others' results; with a single raw photo, the answer is that error.
    With `render`, the answer is the picture, never enlarged, without the photo's metadata.
    """
    kind = media_types.check_media_type(request, media_types.JSON, *media_types.PHOTOS)
    asker = Asker(caller.client, caller.listing_id)
    if kind == media_types.JSON:
        if render:
            raise BadInput("a picture is rendered of a photo that is sent as the raw body")
        return await _crop_keys(await read_body(request, JSON_BYTES), state, asker)
    wanted = read_ratios(ratios.split(",") if ratios else ())
    if render and len(wanted) != 1:
        raise BadInput("a picture is rendered of one ratio; name it in `ratios`")
    data = await read_body(request, state.settings.max_body_bytes)
    sha256 = hash_photo(data)
    photo = PhotoFile(data, state.settings.max_pixels, sha256)
    cropping = Cropping(state, wanted, (min_height, min_width))
    result, answer = await cropping.crop(f"sha256:{sha256}", photo, asker)
    if render:
        pool = PhotoPools(state.pools.photos, state.pools.other_photos).of(photo)
        file = await pool.run(_render, photo, answer.crops[0], width, format)
        return Response(file, headers=_versions([result]), media_type=CONTENT_TYPES[format])
    return _answer([result])


class Cropping:
    """What all photos of a request are asked.

    Parameters
    ----------
    least : (height, width) in pixels that crops are to have
    """

    def __init__(
        self, state: GatewayState, ratios: Sequence[Ratio], least: tuple[int, int]
    ) -> None:
        self._state, self._ratios, self._least = state, ratios, least

    async def crop_stored(self, name: str, asker: Asker) -> CropResult | FailedResult:
        """Crop a photo that is named; one that cannot be read has an error of its own."""
        try:
            async with self._state.turn(name):
                data = await self._state.read(name)
                photo = PhotoFile(data, self._state.settings.max_pixels)
                result, _ = await self.crop(name, photo, replace(asker, photo=name))
                return result
        except StudioError as error:
            return FailedResult(photo=name, error=problem_of(error))

    async def crop(
        self, name: str, photo: PhotoFile, asker: Asker
    ) -> tuple[CropResult, CropAnswer]:
        """Crop a photo; without a detector, by its saliency alone."""
        said = await self._state.predictor.predict((SALIENCY, DETECTOR), photo, asker)
        salient, found = or_raise(said[0]), said[1]
        used = [one for one in (salient, found) if isinstance(one, Prediction)]
        things = found.answer if isinstance(found, Prediction) else None
        size = photo.size

        def work() -> CropAnswer:
            boxes = things_of(things) if things else ()
            scene = make_scene(salient.answer.map.array(), size, boxes)
            return crop_photo(scene, self._ratios, self._least)

        answer = await self._state.pools.photos.run(work)
        models = [ModelUsed(name=one.task, version=one.version, slot=one.slot) for one in used]
        return CropResult.of(name, answer, models, any(one.demo for one in used)), answer


def read_ratios(names: Sequence[str]) -> tuple[Ratio, ...]:
    """Return the ratios that are asked, the usual ones if none are; BadInput or TooLarge."""
    if len(names) > MOST_RATIOS:
        raise TooLarge("ratios of one request", len(names), MOST_RATIOS)
    return tuple(read_ratio(name.strip()) for name in names or STANDARD)


async def _crop_keys(body: bytes, state: GatewayState, asker: Asker) -> Response:
    asked = parse_body(CropRequest, body)
    if len(asked.photos) > state.settings.max_photos:
        raise TooLarge("photos in one request", len(asked.photos), state.settings.max_photos)
    cropping = Cropping(state, read_ratios(asked.ratios), (asked.min_height, asked.min_width))
    await state.mark_uploads_used(asker.client, asked.photos)
    waiting = (cropping.crop_stored(name, asker) for name in asked.photos)
    return _answer(list(await asyncio.gather(*waiting)))


def _render(photo: PhotoFile, crop: Crop, width: int | None, kind: PhotoFormat) -> bytes:
    try:  # the memory is held until the file is written: a crop may be the whole photo
        return encode_photo(draw_crop(photo.pixels(), crop, width), kind)
    finally:
        photo.release()


def _answer(results: list[CropResult | FailedResult]) -> Response:
    content = CropsAnswer(results=results).model_dump_json()
    return Response(content, headers=_versions(results), media_type=media_types.JSON)


def _versions(results: Sequence[CropResult | FailedResult]) -> dict[str, str]:
    used = (
        (model.name, model.version, model.slot)
        for result in results
        if isinstance(result, CropResult)
        for model in result.models
    )
    return write_versions(tuple(dict.fromkeys(used)))
