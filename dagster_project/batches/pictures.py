"""Stored photos, small, for the pages of a batch."""

import base64
import io

from PIL import Image as Pillow

from serving.errors import StudioError
from serving.image import PhotoFile
from serving.storage.interface import Storage

_PICTURE_PX = 112
_MAX_PHOTO_BYTES, _MAX_PIXELS = 32 * 2**20, 100_000_000


def small_picture(storage: Storage, key: str, title: str) -> str:
    """Return a stored photo as Markdown, small, in the text itself; its title if it is gone.

    What lies at a URL is not fetched: a page is no reason to ask somebody else's server.
    """
    try:
        data = storage.read(key, _MAX_PHOTO_BYTES)
        image = PhotoFile(data, _MAX_PIXELS).pixels(_PICTURE_PX)
    except StudioError:
        return title
    picture = Pillow.fromarray(image)
    picture.thumbnail((_PICTURE_PX, _PICTURE_PX))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=65)
    text = base64.b64encode(file.getvalue()).decode()
    return f'![{title}](data:image/jpeg;base64,{text} "{title}")'
