"""Draws twelve photos before and after: those of the sample listing with faults made on purpose.

python benchmarks/enhance_sheet.py docs/enhance-before-after.jpg
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serving.image import decode
from serving.image.writing import encode_photo
from serving.photos.enhance.enhance import Origin, enhance
from serving.photos.enhance.light import decode_levels, encode
from serving.photos.enhance.presets import plan
from serving.photos.quality.compression import jpeg_quality

Image = NDArray[np.uint8]
_LISTING = Path(__file__).resolve().parents[1] / "datasets" / "sample_listing"
_WIDTH = 420
# stops of light that are missing, cast of red and blue, noise, lean in degrees, JPEG's quality
_FAULTS = (
    (1.2, 0.0, 0.0, 0.0, 1.4, 92), (0.4, 0.3, -0.35, 0.0, 0.0, 92),
    (1.6, 0.0, 0.0, 6.0, -1.8, 92), (0.0, 0.0, 0.0, 0.0, 2.2, 25),
)  # fmt: skip


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sheet", type=Path)
    arguments = parser.parse_args()
    chance = np.random.default_rng(3)
    pairs = []
    for number in range(12):
        path = sorted(_LISTING.glob("*.jpg"))[number % 6]
        data = _spoil(decode(path.read_bytes(), 10**8), _FAULTS[(number + number // 6) % 4], chance)
        before = decode(data, 10**8)
        steps = plan("auto" if number % 2 else "natural", None)
        done = enhance(before, steps, Origin(jpeg_quality(data)))
        print(number + 1, path.stem, ", ".join(done.applied) or "nothing")
        pairs.append(np.hstack([_small(before), _small(done.photo)]))
    rows = [np.hstack(pairs[at : at + 2]) for at in range(0, 12, 2)]
    arguments.sheet.write_bytes(encode_photo(np.vstack(rows), "jpeg", 80))


def _spoil(photo: Image, fault: tuple[float, ...], chance: np.random.Generator) -> bytes:
    stops, red, blue, noise, lean, quality = fault
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -lean, 1.0 + 0.04 * abs(lean))
    turned = cv2.warpAffine(photo, turn, (width, height), flags=cv2.INTER_CUBIC)
    light = decode_levels(turned / 255) * 2.0**-stops * np.exp([red, 0, blue])
    made = 255 * encode(np.clip(light, 0, 1)) + chance.normal(0, noise, photo.shape)
    return encode_photo(np.clip(np.rint(made), 0, 255).astype(np.uint8), "jpeg", int(quality))


def _small(photo: Image) -> Image:
    size = _WIDTH, round(_WIDTH * 2 / 3)
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()
