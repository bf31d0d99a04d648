"""One row of facts per photo: what it is, how it looks, and what ails it."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import imagehash
import pandas as pd
from PIL import Image as Pillow
from tqdm import tqdm

from serving.errors import BadInput, ObjectNotFound
from serving.image import Image, decode, read_header
from serving.image.squeeze import to_pixels
from training.data.objects import read_photo
from training.data.photos import Photo

SIDE = 224
MAX_PIXELS = 80_000_000
MAX_BYTES = 48 * 2**20
_VERSION = 2  # of the measures; raising it makes every photo be described again


@dataclass(frozen=True)
class Description:
    """What a photo's bytes tell, whatever it is called and wherever it lies.

    Attributes
    ----------
    sha256 : of the file, in hex; None when it could not be read at all
    phash : 64-bit perceptual hash (DCT of 32 x 32 grey) in hex; None when the photo could not be
        decoded, as all that follows but `bytes`
    width, height : in pixels, as looked at (after EXIF orientation)
    format, mode : as Pillow names them, such as `JPEG` and `RGB`
    bytes : of the file
    brightness : mean grey, 0..255
    sharpness : variance of the Laplacian of the grey photo squeezed to 224 x 224, as the model
        sees it. Low means out of focus, or enlarged: a 128 px photo is blurred by nature, so
        compare within a source. Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield
        microscopy", ICPR 2000.
    error : why it cannot be read or decoded; None when it can
    """

    sha256: str | None = None
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    mode: str | None = None
    bytes: int | None = None
    brightness: float | None = None
    sharpness: float | None = None
    error: str | None = None


_PHOTO_COLUMNS = [field.name for field in fields(Photo)]
_DESCRIBED = [field.name for field in fields(Description)]
_TYPES = {
    **dict.fromkeys(("uri", "stamp", "sha256", "phash", "format", "mode", "error"), "object"),
    **dict.fromkeys(("width", "height", "bytes"), "Int64"),
    **dict.fromkeys(("brightness", "sharpness"), "float64"),
}


def describe_photos(
    photos: Sequence[Photo], cache: Path, workers: int = 2, progress: bool = True
) -> pd.DataFrame:
    """Describe every photo; what was described before and has not changed is not read again.

    Parameters
    ----------
    photos : as listed from the manifest
    cache : folder of the descriptions, keyed by URI and stamp; made when missing, written also
        when the run is interrupted
    workers : threads that read and decode at once
    progress : whether to show a bar on standard error

    Returns
    -------
    One row per photo in the order given, with the columns of Photo (without `stamp`) and of
    Description. A photo that stands for itself gets the listing `photo/SHA256[:16]`, so that
    renaming it changes nothing and copies are one listing.
    """
    file = cache / f"descriptions-{_VERSION}.parquet"
    known = _read_cache(file)
    seen = set(known.index)
    new = [photo for photo in photos if (photo.uri, photo.stamp) not in seen]
    found: list[dict[str, object]] = []
    pool = ThreadPoolExecutor(workers)
    try:
        described = pool.map(describe_photo, [photo.uri for photo in new])
        quiet = not (progress and new)
        bar = tqdm(described, "describing", len(new), mininterval=1, disable=quiet)
        for photo, description in zip(new, bar, strict=True):
            found.append({"uri": photo.uri, "stamp": photo.stamp, **asdict(description)})
    finally:
        pool.shutdown(cancel_futures=True)
        if found:
            known = pd.concat([known, _index(pd.DataFrame(found))])
            known = known[~known.index.duplicated(keep="last")]
            _write_cache(known, file)
    return _join(photos, known)


def describe_photo(uri: str) -> Description:
    """Read, decode and measure one photo; what is wrong with it becomes its `error`."""
    try:
        data = read_photo(uri, MAX_BYTES)
    except ObjectNotFound:
        return Description(error="the file is missing")
    except BadInput as error:
        return Description(error=str(error))
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        image = decode(data, MAX_PIXELS, min_side=SIDE)
    except BadInput as error:
        return Description(sha256, bytes=len(data), error=str(error))
    header = read_header(data)
    grey = cv2.cvtColor(to_pixels(image, SIDE, SIDE), cv2.COLOR_RGB2GRAY)
    return Description(
        sha256=sha256,
        phash=hash_picture(image),
        width=header.width,
        height=header.height,
        format=header.format,
        mode=header.mode,
        bytes=len(data),
        brightness=float(grey.mean()),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
    )


def hash_picture(image: Image) -> str:
    """Return the perceptual hash, 64 bits in hex; alike for resized and recompressed copies."""
    return str(imagehash.phash(Pillow.fromarray(image)))


def _join(photos: Iterable[Photo], known: pd.DataFrame) -> pd.DataFrame:
    rows = pd.DataFrame([asdict(photo) for photo in photos], columns=_PHOTO_COLUMNS)
    table = rows.join(known, on=["uri", "stamp"]).drop(columns="stamp")
    alone = [
        f"photo/{sha256[:16] if sha256 else hashlib.sha256(uri.encode()).hexdigest()[:16]}"
        for uri, sha256 in zip(table["uri"], table["sha256"], strict=True)
    ]
    table["listing"] = table["listing"].fillna(pd.Series(alone, table.index))
    return table[[name for name in _PHOTO_COLUMNS if name != "stamp"] + _DESCRIBED]


def _index(frame: pd.DataFrame) -> pd.DataFrame:
    typed = frame.astype(_TYPES)
    return typed.set_index(["uri", "stamp"])


def _read_cache(file: Path) -> pd.DataFrame:
    if file.is_file():
        return _index(pd.read_parquet(file))
    return _index(pd.DataFrame(columns=list(_TYPES)))


def _write_cache(known: pd.DataFrame, file: Path) -> None:
    """Write whole or not at all, so that a second run never reads half a table."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writing = file.with_suffix(f".{os.getpid()}")
    known.reset_index().to_parquet(writing, index=False)
    writing.replace(file)
