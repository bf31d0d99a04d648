"""What a staged photo is handed out as: the picture, its mask, a small version and a manifest."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from serving.db.tables import Json
from serving.encoded import Encoded
from serving.image import Image, PhotoFile
from serving.image.metadata import COMPOSITE, after_work, read_metadata
from serving.image.writing import CONTENT_TYPES, PhotoFormat, encode_photo
from serving.jobs import attempts
from serving.photos.enhance.enhance import Enhanced
from serving.photos.enhance.strips import small_copy
from serving.photos.enhance.upscale import Upscaling
from serving.provenance import CONTENT_TYPE, Edit, Signer
from serving.render.template_files import shipped_fonts
from serving.requests.staging import StageInput
from serving.staging.carry import carry
from serving.staging.label import Write, add_label
from serving.staging.layout.plan import Placed
from serving.staging.process import Staged
from serving.video.titles.text import Lettering, draw_text
from serving.workflows.run import Run
from serving.workflows.staged import Look

Mask = NDArray[np.bool_]
_SMALL_SIDE, _SMALL_QUALITY = 960, 84
_SUFFIXES = {"jpeg": "jpg"}
_FONT, _PROBE_PX = "sans-regular", 24


@dataclass(frozen=True)
class _Written:
    data: bytes
    kind: PhotoFormat
    size: tuple[int, int]


class Files:
    """Writes what is made of a job's photos."""

    def __init__(
        self, run: Run, request: StageInput, signer: Signer, upscaling: Upscaling | None
    ) -> None:
        self._run, self._request, self._signer, self._upscaling = run, request, signer, upscaling
        self._write_label = label_writer(request.label_text)

    def tell_preview(self, look: Look, step: str, picture: Image, variant: int = 0) -> str:
        """Keep a small version of what there is so far and tell of it; return its key."""
        small = encode_photo(small_copy(picture, _SMALL_SIDE), "jpeg", _SMALL_QUALITY)
        name = f"{look.number}-{variant}" if step == "staged" else f"{look.number}-{step}"
        key = self._run.key_of(f"preview/{name}.jpg")
        self._run.parts.storage.write(key, small, "image/jpeg")
        told: Json = {"photo": look.name, "number": look.number, "step": step, "preview": key}
        attempts.tell(self._run.parts.engine, self._run.job, "preview", told | {"variant": variant})
        return key

    def keep(self, look: Look, made: Staged, variant: int) -> Json:
        """Write a staged photo and return what is told of it."""
        preview = self.tell_preview(look, "staged", made.photo, variant)
        file = look.read(self._run)
        original = file.pixels()
        picture, changed = carry(original, made.before, made.photo, made.changed, made.new)
        file.release()
        labelled, covered = add_label(picture, self._request.label, self._write_label)
        enlarged = Enhanced(labelled)
        if self._upscaling is not None:
            enlarged = self._upscaling.apply(enlarged)
        written = self._write(file, enlarged.photo)
        name = f"{look.number}-{variant}"
        suffix = _SUFFIXES.get(written.kind, written.kind)
        keys = {
            "staged": (f"{name}.{suffix}", written.data, CONTENT_TYPES[written.kind]),
            "mask": (f"{name}.mask.png", mask_file(changed | covered), "image/png"),
        }
        edits = edits_of(made, self._request, float(changed.mean()), enlarged)
        signed = self._signer.sign(
            written.data, CONTENT_TYPES[written.kind], file.data,
            f"image/{file.header.format.lower()}", f"{name}.{suffix}", edits,
        )  # fmt: skip
        keys["manifest"] = (f"{name}.c2pa", signed, CONTENT_TYPE)
        told: Json = {"preview": preview}
        for what, (file_name, data, content_type) in keys.items():
            key = self._run.key_of(file_name)
            self._run.parts.storage.write(key, data, content_type)
            told[what] = key
        return told | {
            "seed": made.seed,
            "content_type": CONTENT_TYPES[written.kind],
            "bytes": len(written.data),
            "width": written.size[0],
            "height": written.size[1],
            "changed": round(float(changed.mean()), 4),
            "cleared": round(made.cleared_share, 4),
            "furniture": [describe(piece) for piece in made.pieces],
            "score": round(made.score, 1),
            "needs_review": bool(made.doubts),
            "reasons": dict(made.doubts),
            "left": enlarged.left,
        }

    def _write(self, file: PhotoFile, picture: Image) -> "_Written":
        size = picture.shape[1], picture.shape[0]
        told = after_work(read_metadata(file.data), size, COMPOSITE, not self._request.remove_gps)
        own = cast(PhotoFormat, file.header.format.lower())
        kind = self._request.format or (own if own in CONTENT_TYPES else "jpeg")
        return _Written(encode_photo(picture, kind, self._request.quality, told), kind, size)


def label_writer(text: str) -> Write:
    """Return what draws a label; BadInput says which of its letters no font can draw."""
    fonts = shipped_fonts()

    def write(size_px: float, width_px: int) -> NDArray[np.uint8]:
        return draw_text(text, Lettering(_FONT, size_px, max_lines=3), width_px, fonts)

    write(_PROBE_PX, 100 * _PROBE_PX)  # what cannot be drawn is refused before a room is cleared
    return write


def edits_of(made: Staged, request: StageInput, share: float, enlarged: Enhanced) -> list[Edit]:
    """Return what was done to a photo, one by one."""
    tag = {"tag": "movable"}
    done: list[Edit] = []
    if made.cleared_share:
        about = tag | {"share": round(made.cleared_share, 4)}
        done.append(Edit("clear", "loose furniture was taken away", about))
    if request.mode == "restyle":
        said = {"tag": "renovation"}
        done.append(Edit("restyle", "floor and walls were given other materials", said))
    for piece in made.pieces:
        done.append(
            Edit("furnish", f"{piece.role.replace('_', ' ')} was added", tag | describe(piece))
        )
    if request.label != "none":
        text = {"label": request.label, "text": request.label_text}
        done.append(Edit("label", "people are told on the picture", text))
    if "upscale" in enlarged.applied:
        done.append(Edit("upscale", "enlarged", {"factor": request.upscale}))
    return [
        *done,
        Edit("mask", f"{share:.1%} of the photo was changed", {"share": round(share, 4)}),
    ]


def describe(piece: Placed) -> Json:
    """Return where a piece of furniture stands, in metres of the room."""
    return {
        "sku": piece.sku, "role": piece.role, "x_m": round(piece.x_m, 3),
        "z_m": round(piece.z_m, 3), "yaw_deg": round(piece.yaw_deg, 1),
    }  # fmt: skip


def mask_file(changed: Mask) -> bytes:
    """Return a mask as a PNG: white is what was changed."""
    return Encoded.of_map(changed.astype(np.uint8) * np.uint8(255)).data
