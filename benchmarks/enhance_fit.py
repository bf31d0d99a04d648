"""Fits the weights by which `serving.photos.enhance.light` tells exposure and white balance.

Photos of listings are made darker and coloured in linear light; least squares with a small penalty
tell from what is measured of the small result what was done. Listings of which the number divides
by seven are left out, and tell the error that is printed.

    STUDIO_DATA=FOLDER python benchmarks/enhance_fit.py > serving/photos/enhance/light_weights.py

With `--strengths`, the strengths of `serving.photos.enhance.denoise` are tried on the same listings
instead: mean PSNR by what the measured noise is multiplied with, and by what a JPEG's marks at
quality 50 are taken for.
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
_FACTORS = (0.9, 1.0, 1.1, 1.2, 1.35, 1.5)
_AT_50 = (2.5, 3.5, 4.5, 5.5, 6.5)
_HEAD = '''"""Made by `benchmarks/enhance_fit.py`: what measures count for, the constant last."""

import numpy as np

'''


def main() -> None:
    """Print the weights as a module; the error on listings left out goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    houses = Path(os.environ.get("STUDIO_DATA", "."), "rooms", "houses")
    parser.add_argument("--photos", type=Path, default=houses, help="default: of STUDIO_DATA")
    parser.add_argument("--quick", action="store_true", help="a tenth of the photos")
    parser.add_argument("--strengths", action="store_true", help="those of noise and of JPEG")
    arguments = parser.parse_args()
    paths = sorted(arguments.photos.glob("*/*.jpg"))[:: 20 if arguments.quick else 2]
    if arguments.strengths:
        fitted = [path for path in paths if int(path.stem) % _HELD_OUT]
        _print_strengths(fitted[:: 30 if arguments.quick else 60])
        return
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


def _print_strengths(paths: list[Path]) -> None:
    """Print the mean PSNR of noisy and of compressed photos for each strength; the best counts."""
    from serving.image import decode
    from serving.photos.enhance.denoise import denoise, measure_noise

    chance = np.random.default_rng(1)
    found: dict[str, dict[float, list[float]]] = {}
    for path in paths:
        clean = decode(path.read_bytes(), 10**8)
        for sigma in (5.0, 10.0, 15.0):
            noisy = np.clip(np.rint(clean + chance.normal(0, sigma, clean.shape)), 0, 255)
            photo = noisy.astype(np.uint8)
            measured = measure_noise(photo)
            for factor in _FACTORS:
                said = _psnr(denoise(photo, factor * measured), clean)
                found.setdefault("noise, times", {}).setdefault(factor, []).append(said)
        for quality in (15, 30, 50):
            told = [cv2.IMWRITE_JPEG_QUALITY, quality]
            coarse = ((200 - 2 * quality) / 100 if quality >= 50 else 50 / quality) ** 0.6
            data = cv2.imencode(".jpg", clean[:, :, ::-1], told)[1].tobytes()
            photo = decode(data, 10**8)
            for at_50 in _AT_50:
                said = _psnr(denoise(photo, min(12.0, at_50 * coarse)), clean)
                found.setdefault("JPEG, levels at 50", {}).setdefault(at_50, []).append(said)
    means = {
        what: {strength: round(float(np.mean(each)), 3) for strength, each in tried.items()}
        for what, tried in found.items()
    }
    print(json.dumps({"photos": len(paths)} | means))


def _psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return 10 * float(np.log10(255**2 / np.square(one.astype(np.float64) - other).mean()))


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
