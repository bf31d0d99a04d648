"""`GET /internal/jobs/{id}/photos/{n}`: a job's photos, small enough to look at in a page."""

from typing import Annotated

import cv2
import numpy as np
import simplejpeg
from fastapi import APIRouter, Header, Path
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from bentos.gateway.dependencies import State
from bentos.gateway.links import Reading
from bentos.problems import documented
from serving.image import decode, hash_photo
from serving.jobs.history import read_photo_reference

router = APIRouter(prefix="/internal/jobs", tags=["jobs"])

LONGEST_SIDE = 960
# What a decoder that scales by eighths must keep, so that a 3:2 photo still has 960 px.
_SHORT_SIDE = 640
_CACHED = "private, max-age=3600"


@router.get(
    "/{job_id}/photos/{number}",
    response_class=Response,
    responses=documented(401, 404, 413, 422, 429, 502, 503)
    | {
        200: {
            "description": "at most 960 px a side, upright",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "it is the one you have"},
    },
)
async def show_photo(
    reader: Reading,
    state: State,
    number: Annotated[int, Path(ge=0, lt=100_000, description="its place in the job, from 0")],
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """Show a photo of the job as a small JPEG."""
    reference = await state.pools.database.run(
        read_photo_reference, state.engine, reader.job_id, number, reader.client
    )
    if reference is None:
        raise HTTPException(404, f"job {reader.job_id} has no photo {number}")
    async with state.turn(reference):
        data = await state.read(reference)
        tag = f'"{hash_photo(data)[:32]}"'
        headers = {"ETag": tag, "Cache-Control": _CACHED}
        if if_none_match is not None and tag in if_none_match:
            return Response(status_code=304, headers=headers)
        small = await state.pools.photos.run(shrink, data, state.settings.max_pixels)
    return Response(small, headers=headers, media_type="image/jpeg")


def shrink(data: bytes, max_pixels: int) -> bytes:
    """Return a photo as a JPEG of at most 960 px a side, upright, without its metadata.

    Raises
    ------
    BadImage, TooLarge
        If it cannot be read.
    """
    image = decode(data, max_pixels, min_side=_SHORT_SIDE)
    height, width = image.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = resized.astype(np.uint8, copy=False)
    jpeg: bytes = simplejpeg.encode_jpeg(
        image, quality=82, colorspace="RGB", colorsubsampling="420"
    )
    return jpeg
