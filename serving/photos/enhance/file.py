"""A photo's file, made better: decoded, worked on, judged, and written with what it told before."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from serving.budget import DECODING
from serving.errors import BadImage
from serving.image import Image, PhotoFile, opened
from serving.image.metadata import (
    ENHANCED,
    after_work,
    attached,
    read_focal,
    read_metadata,
)
from serving.image.opening import decode_pixels, inspect
from serving.image.place import file_without_place
from serving.image.writing import CONTENT_TYPES, PhotoFormat, encode_photo
from serving.photos.enhance.enhance import Amounts, Enhanced, Origin, enhance
from serving.photos.enhance.finish import Tones
from serving.photos.enhance.fuse import BESIDE, fuse
from serving.photos.enhance.hide import Hiding
from serving.photos.enhance.presets import Operation, Preset, Step, plan
from serving.photos.enhance.straighten import FOCAL
from serving.photos.enhance.strips import small_copy
from serving.photos.enhance.upscale import Upscaling
from serving.photos.quality.compression import jpeg_quality
from serving.photos.quality.task import QualityAnswer

# bytes for each pixel beside those that were decoded: what an operation was given and gives, and
# what the encoder holds
_BESIDE = 12.0
SMALL_SIDE = 960  # px of the long side of what is shown first
_SMALL_SHORT = 540  # px that a decoder keeps for it: 16:9 has 960 then
_SMALL_QUALITY = 84

Judge = Callable[[PhotoFile], QualityAnswer | None]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is asked for.

    Attributes
    ----------
    format : of the new file; None: that of the old, or JPEG where that is not written
    quality : 1..100 of the new file's compression; None: what is hardly told from the photo
    remove_gps : whether the new file must not tell where the photo was taken
    upscaling : more pixels, after all else; None: as many as it has
    hiding : faces and number plates, before all else; None: they stay
    curves : that a model proposes for the photo, of the preset `learned`
    """

    preset: Preset = "auto"
    format: PhotoFormat | None = None
    quality: int | None = None
    remove_gps: bool = False
    upscaling: Upscaling | None = None
    hiding: Hiding | None = None
    curves: Tones | None = None

    def begin(self, photo: Image) -> Enhanced:
        """Return a photo without what is to be hidden."""
        return Enhanced(photo) if self.hiding is None else self.hiding.apply(photo)

    def finish(self, done: Enhanced) -> Enhanced:
        """Return an enhanced photo with as many pixels as are asked for."""
        return done if self.upscaling is None else self.upscaling.apply(done)

    def further(self, pixels: int) -> float:
        """Return the bytes that enlarging a photo of so many pixels holds, for each of them."""
        return 0.0 if self.upscaling is None else self.upscaling.bytes_for(pixels)


@dataclass(frozen=True)
class EnhancedFile:
    """A photo's new file.

    Attributes
    ----------
    data : the very bytes that came where nothing was done and nothing else was asked for
    size : width and height
    applied : what was done, in order, and by how much
    left : what was not done, and why
    before, after : scores of quality, 0..100; None where no model judges photos
    lost : what the file that came held beside its picture and this one has not, such as `gain map`
    """

    data: bytes
    content_type: str
    size: tuple[int, int]
    applied: Mapping[Operation, Amounts] = field(default_factory=dict)
    left: Mapping[Operation, str] = field(default_factory=dict)
    before: float | None = None
    after: float | None = None
    lost: tuple[str, ...] = ()


def enhance_file(
    photo: PhotoFile, wanted: Wanted, judge: Judge, max_pixels: int, before: QualityAnswer | None
) -> EnhancedFile:
    """Return a better file of a photo, or its own.

    `auto` never gives back what the judge holds for worse: the photo stays as it was. What is
    asked for by another preset's name is done, and only judged.

    Parameters
    ----------
    judge : tells how good a photo is; None where nothing can
    before : what it told of this photo

    Raises
    ------
    BadImage, TooLarge, Busy
        As `serving.image.decode` does.
    """
    score = before.score if before is not None else None
    beside = _BESIDE + wanted.further(photo.header.pixels)
    with opened(photo.data, max_pixels, 0, beside) as pixels:
        done = _work_on(pixels, photo, wanted, before)
        made = _write(photo, wanted, wanted.finish(done))
    if not made.applied:
        return replace(made, before=score, after=score)
    after = judge(PhotoFile(made.data, max_pixels))
    made = replace(made, before=score, after=after.score if after is not None else None)
    judged = set(done.applied) - {"blur"}
    if wanted.preset != "auto" or not judged or not _is_worse(made):
        return made
    why = f"the photo would score {made.after} after {score}: it stays as it was"
    left = dict(made.left) | {name: why for name in done.applied if name in judged}
    kept = None if made.applied.keys() & {"blur", "upscale"} else _unworked(photo, wanted, left)
    if kept is not None:
        return replace(kept, before=score, after=score)
    with opened(photo.data, max_pixels, 0, beside) as pixels:
        only = replace(wanted.begin(pixels), left=left)
        written = _write(photo, wanted, wanted.finish(only))
    return replace(written, before=score, after=score)


def enhance_small(
    photo: PhotoFile, wanted: Wanted, max_pixels: int, before: QualityAnswer | None
) -> bytes:
    """Return a small JPEG of what the photo is about to look like, in a fraction of the time."""
    with opened(photo.data, max_pixels, _SMALL_SHORT, _BESIDE) as pixels:
        small = small_copy(pixels, SMALL_SIDE)
        done = _work_on(small, photo, wanted, before)
    return encode_photo(done.photo, "jpeg", _SMALL_QUALITY)


def merge_files(photos: Sequence[PhotoFile], wanted: Wanted, max_pixels: int) -> EnhancedFile:
    """Return one file of several exposures of a view; it tells what the first file tells.

    Raises
    ------
    BadInput
        They differ in size, or do not show the same view.
    BadImage, TooLarge, Busy
        As `serving.image.decode` does.
    """
    read = []
    for number, photo in enumerate(photos, 1):
        with _naming(number):
            read.append(inspect(photo.data, max_pixels))
    most = max(header.pixels for header, _ in read)
    cost = sum(header.cost(0) for header, _ in read) + int((BESIDE + wanted.further(most)) * most)
    with DECODING.hold(cost):  # all at once: who holds some and waits for more may wait for ever
        exposures = []
        for number, (photo, (header, markers)) in enumerate(zip(photos, read, strict=True), 1):
            with _naming(number):
                exposures.append(decode_pixels(photo.data, header, markers, 0))
        merged = fuse(exposures)
        del exposures
        done = enhance(merged, _steps(wanted, None), _origin_of(photos[0].data, wanted))
        return _write(photos[0], wanted, wanted.finish(done), merged=True)


@contextlib.contextmanager
def _naming(number: int) -> Iterator[None]:
    """Say of an exposure that cannot be read which it is, counted from 1."""
    try:
        yield
    except BadImage as error:
        raise BadImage(f"exposure {number}: {error}") from error


def describe(made: EnhancedFile) -> dict[str, Any]:
    """Return what was done, as an answer says it in JSON."""
    return {
        "content_type": made.content_type,
        "bytes": len(made.data),
        "width": made.size[0],
        "height": made.size[1],
        "applied": [{"operation": name, **amounts} for name, amounts in made.applied.items()],
        "left": dict(made.left),
        "quality": {"before": made.before, "after": made.after},
        "lost": list(made.lost),
    }


def _work_on(
    pixels: Image, photo: PhotoFile, wanted: Wanted, before: QualityAnswer | None
) -> Enhanced:
    begun = wanted.begin(pixels)
    done = enhance(begun.photo, _steps(wanted, before), _origin_of(photo.data, wanted))
    return Enhanced(done.photo, begun.applied | done.applied, begun.left | done.left)


def _steps(wanted: Wanted, before: QualityAnswer | None) -> tuple[Step, ...]:
    return plan(wanted.preset, before.parts if before is not None else None)


def _origin_of(data: bytes, wanted: Wanted) -> Origin:
    focal = read_focal(read_metadata(data).exif)
    return Origin(jpeg_quality(data), focal if focal is not None else FOCAL, wanted.curves)


def _is_worse(made: EnhancedFile) -> bool:
    return made.before is not None and made.after is not None and made.after < made.before


def _write(photo: PhotoFile, wanted: Wanted, done: Enhanced, merged: bool = False) -> EnhancedFile:
    """Return the new file; the old one where nothing makes another."""
    changed = bool(done.applied) or merged
    kept = None if changed else _unworked(photo, wanted, done.left)
    if kept is not None:
        return kept
    size = done.photo.shape[1], done.photo.shape[0]
    made_by = ENHANCED if changed else None
    told = after_work(read_metadata(photo.data), size, made_by, not wanted.remove_gps)
    kind = _format_of(photo, wanted)
    data = encode_photo(done.photo, kind, wanted.quality, told)
    made = EnhancedFile(data, CONTENT_TYPES[kind], size, done.applied, done.left)
    return replace(made, lost=attached(photo.data))


def _unworked(
    photo: PhotoFile, wanted: Wanted, left: Mapping[Operation, str]
) -> EnhancedFile | None:
    """Return the file with the pixels that came; None where another is asked for."""
    if wanted.format not in (None, _own(photo)) or wanted.quality is not None:
        return None
    data = file_without_place(photo.data) if wanted.remove_gps else photo.data
    if data is None:  # nobody looks there for a place, so it may tell one
        return None
    kind, size = photo.header.format.lower(), (photo.header.width, photo.header.height)
    kept = attached(data)
    lost = tuple(name for name in attached(photo.data) if name not in kept)
    return EnhancedFile(data, f"image/{kind}", size, {}, left, lost=lost)


def _own(photo: PhotoFile) -> PhotoFormat | None:
    kind = cast(PhotoFormat, photo.header.format.lower())
    return kind if kind in CONTENT_TYPES else None


def _format_of(photo: PhotoFile, wanted: Wanted) -> PhotoFormat:
    return wanted.format or _own(photo) or "jpeg"
