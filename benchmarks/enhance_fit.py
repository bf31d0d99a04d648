"""Fits the weights by which `serving.photos.enhance.light` tells exposure and white balance.

Photos of listings are made darker and coloured in linear light; least squares with a small penalty
tell from what is measured of the small result what was done. Listings of which the number divides
by seven are left out, and tell the error that is printed.

    STUDIO_DATA=FOLDER python benchmarks/enhance_fit.py > serving/photos/enhance/light_weights.py
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_HELD_OUT = 7
_HEAD = '''"""Made by `benchmarks/enhance_fit.py`: what measures count for, the constant last."""

import numpy as np

'''


def main() -> None:
    """Print the weights as a module; the error on listings left out goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    houses = Path(os.environ.get("STUDIO_DATA", "."), "rooms", "houses")
    parser.add_argument("--photos", type=Path, default=houses, help="default: of STUDIO_DATA")
    parser.add_argument("--quick", action="store_true", help="a tenth of the photos")
    arguments = parser.parse_args()
    paths = sorted(arguments.photos.glob("*/*.jpg"))[:: 20 if arguments.quick else 2]
    rows = list(_rows(paths))
    held = np.array([row[0] % _HELD_OUT == 0 for row in rows])
    done = np.array([row[1] for row in rows])
    tones, colours = (np.array([row[n] for row in rows]) for n in (2, 3))
    said, error = {}, {}
    for column, (name, seen) in enumerate((("STOPS", tones), ("RED", colours), ("BLUE", colours))):
        said[name] = _fit(seen[~held], done[~held, column])
        error[name] = float(np.abs(seen[held] @ said[name] - done[held, column]).mean())
    sys.stdout.write(_HEAD + "\n".join(_line(name, weights) for name, weights in said.items()))
    sys.stdout.write("\n")
    sys.stderr.write(json.dumps({"photos": len(paths), "mean_error": error}) + "\n")


def _rows(paths: list[Path]) -> Iterator[tuple[int, tuple[float, float, float], Floats, Floats]]:
    """Give listing, what was done (stops, red, blue), tones and colours."""
    from serving.image import decode
    from serving.photos.enhance.light import (
        decode_levels,
        describe_colours,
        describe_tones,
        encode,
    )  # here: the weights may not exist yet

    chance = np.random.default_rng(0)
    for path in paths:
        photo = decode(path.read_bytes(), 10**8)
        scale = 200 / max(photo.shape[:2])
        light = decode_levels(
            cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255
        )
        for turn in range(4):
            stops = 0.0 if turn == 0 else float(chance.uniform(-0.2, 2.5))
            red, blue = (0.0, 0.0) if turn % 2 else chance.normal(0, 0.2, 2)
            made = encode(np.clip(light * 2.0**-stops * np.exp([red, 0, blue]), 0, 1))
            small = np.rint(255 * made).astype(np.uint8)
            yield (
                int(path.stem),
                (stops, float(red), float(blue)),
                describe_tones(small),
                describe_colours(small),
            )


def _fit(seen: Floats, done: Floats) -> Floats:
    scale = seen.std(axis=0) + 1e-9
    penalty = np.diag([2.0] * (seen.shape[1] - 1) + [0.0])
    scale[-1] = 1.0
    scaled = seen / scale
    weights: Floats = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ done) / scale
    return weights


def _line(name: str, weights: Floats) -> str:
    numbers = ", ".join(f"{weight:.4f}" for weight in weights)
    return f"{name} = np.array(\n    (\n        {numbers},\n    )\n)  # fmt: skip"


if __name__ == "__main__":
    main()
