"""Known faults undone: by us, by OpenCV's one call for each, and by networks of others.

Photos of listings on which nothing was fitted (numbers that divide by seven) are made dark,
coloured, noisy and compressed; PSNR and SSIM tell how near the clean photo each comes; `learned` is
the starter of `photo-finisher`. What leans
was turned by a known angle: what is left of it is told by what each way takes back, on rendered
photos, which stand upright exactly, and on photos of listings against how they lean themselves.

    STUDIO_DATA=FOLDER python benchmarks/enhance.py --models FOLDER
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from benchmarks.enhance_peers import (
    Image,
    ffdnet,
    hough_lean,
    learned,
    lut3d,
    opencv,
    simple_white_balance,
    stretched,
)
from serving.image import PhotoFile, decode
from serving.photos.enhance.enhance import Origin, enhance
from serving.photos.enhance.file import Wanted, enhance_file
from serving.photos.enhance.light import decode_levels, encode
from serving.photos.enhance.presets import Step
from serving.photos.enhance.straighten import find_leaning, straighten

FAULTS = ("dark", "cast", "noise", "jpeg")
_STEPS = {"dark": "exposure", "cast": "white_balance", "noise": "denoise", "jpeg": "deblock"}
_PIXELS = 10**8
_RENDERED = Path(__file__).resolve().parents[1] / "datasets" / "sample_listing"


def main() -> None:
    """Print the table and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    houses = Path(os.environ.get("STUDIO_DATA", "."), "rooms", "houses")
    parser.add_argument("--photos", type=Path, default=houses, help="default: of STUDIO_DATA")
    parser.add_argument("--models", type=Path, help="networks to compare with, and the judge")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="six photos")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    paths = sorted(p for p in arguments.photos.glob("*/*.jpg") if int(p.stem) % 7 == 0)
    chance = np.random.default_rng(7)
    chance.shuffle(paths)
    photos = [
        decode(p.read_bytes(), _PIXELS) for p in paths[: 6 if arguments.quick else arguments.count]
    ]
    rows = {fault: _row(fault, photos, arguments.models, chance) for fault in FAULTS}
    for fault, row in rows.items():
        said = "  ".join(f"{who} {psnr:.2f}/{ssim:.3f}" for who, (psnr, ssim) in row.items())
        print(f"{fault:6} {said}")
    told: dict[str, object] = {"photos": len(photos), "psnr_ssim": rows}
    more = [decode(p.read_bytes(), _PIXELS) for p in paths[: 2 * len(photos)]]
    told["tilt"] = _tilt(more, chance)
    print("tilt left, median degrees:", told["tilt"])
    told["at_12_mp"] = _speed(photos[: 4 if arguments.quick else 20], chance)
    print("photos at 12 MP, two threads:", told["at_12_mp"])
    print(json.dumps(told))


def _spoil(fault: str, photo: Image, chance: np.random.Generator) -> tuple[Image, float]:
    """Return the photo with a fault, and how strong it is."""
    light = decode_levels(photo / 255)
    if fault == "dark":
        stops = float(chance.uniform(0.8, 2.2))
        return np.rint(255 * encode(light * 2.0**-stops)).astype(np.uint8), stops
    if fault == "cast":
        gains = np.exp(np.array([1, 0, -1]) * chance.choice([-1, 1]) * chance.uniform(0.2, 0.4))
        made = encode(np.clip(light * gains / gains.max(), 0, 1))
        return np.rint(255 * made).astype(np.uint8), float(gains[0])
    if fault == "noise":
        sigma = float(chance.uniform(5, 15))
        noisy = photo + chance.normal(0, sigma, photo.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), sigma
    quality = int(chance.integers(15, 50))
    data = cv2.imencode(".jpg", photo[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return decode(data.tobytes(), _PIXELS), float(quality)


def _row(
    fault: str, photos: list[Image], models: Path | None, chance: np.random.Generator
) -> dict[str, tuple[float, float]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for clean in photos:
        spoilt, strength = _spoil(fault, clean, chance)
        made = {"nothing": spoilt, "OpenCV": opencv(fault, spoilt)}
        if fault == "dark":
            made["OpenCV normalize"] = stretched(spoilt)
        if fault == "cast":
            made["simple white balance"] = simple_white_balance(spoilt)
        quality = strength if fault == "jpeg" else None
        made["ours"] = enhance(spoilt, (Step(_STEPS[fault]),), Origin(quality)).photo  # type: ignore[arg-type]
        if fault in ("dark", "cast"):
            made["learned"] = learned(spoilt)
        if models is not None and fault in ("dark", "cast"):
            made["3D LUT"] = lut3d(models, spoilt)
        if models is not None and fault == "noise":
            made["FFDNet"] = ffdnet(models, spoilt, strength)
        for who, photo in made.items():
            found.setdefault(who, []).append(_alike(photo, clean))
    return {
        who: (
            round(float(np.mean([a for a, _ in v])), 2),
            round(float(np.mean([b for _, b in v])), 4),
        )
        for who, v in found.items()
    }


def _alike(one: Image, other: Image) -> tuple[float, float]:
    """Return PSNR in dB, and SSIM of brightness (Wang, Bovik, Sheikh, Simoncelli 2004)."""
    error = max(float(np.square(one.astype(np.float64) - other).mean()), 1e-3)
    x, y = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (one, other))
    mean_x, mean_y, xx, yy, xy = (
        cv2.GaussianBlur(p, (11, 11), 1.5) for p in (x, y, x * x, y * y, x * y)
    )
    top = (2 * mean_x * mean_y + 6.5025) * (2 * (xy - mean_x * mean_y) + 58.5225)
    below = (mean_x**2 + mean_y**2 + 6.5025) * (xx - mean_x**2 + yy - mean_y**2 + 58.5225)
    return 10 * float(np.log10(255**2 / error)), float((top / below).mean())


def _tilt(photos: list[Image], chance: np.random.Generator) -> dict[str, object]:
    """Turn photos by known angles; return the median of what each way leaves of them.

    A rendered photo stands upright: what is left is the angle and what was taken back. A photo of a
    listing leans itself, by nobody knows how much: each way's own word on it is taken from what it
    takes back. What ours leaves alone, and why, is counted.
    """
    rendered = [decode(p.read_bytes(), _PIXELS) for p in sorted(_RENDERED.glob("*.jpg"))] * 4
    left: dict[str, list[float]] = {}
    why: dict[str, int] = {}
    for photo, upright in [(p, False) for p in photos] + [(p, True) for p in rendered]:
        angle = float(chance.choice([-1, 1]) * chance.uniform(1, 2.5))
        turned, straight = _turn(photo, angle), _turn(photo, 0.0)
        own, seen = find_leaning(straight), find_leaning(turned)
        done = straighten(turned)
        if not upright and (done.refused or isinstance(own, str)):
            reason = done.refused or "its own lean is not told"
            reason = "the crop would cost too much" if "crop" in reason else reason
            why[reason] = why.get(reason, 0) + 1
            continue
        already = own.roll_degrees if not upright and not isinstance(own, str) else 0.0
        taken = 0.0 if done.refused or isinstance(seen, str) else seen.roll_degrees
        kind = "rendered" if upright else "listings"
        hough = hough_lean(turned) - (0.0 if upright else hough_lean(straight))
        left.setdefault(f"{kind}, nothing", []).append(abs(angle))
        left.setdefault(f"{kind}, OpenCV", []).append(abs(angle - hough))
        left.setdefault(f"{kind}, ours", []).append(abs(angle + already - taken))
    medians = {who: round(float(np.median(v)), 3) for who, v in left.items()}
    worst = {"rendered, ours, worst": round(max(left["rendered, ours"]), 3)}
    return {**medians, **worst, "judged": len(left["listings, ours"]), "left alone": why}


def _turn(photo: Image, degrees: float) -> Image:
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.08)
    return np.asarray(cv2.warpAffine(photo, turn, (width, height), flags=cv2.INTER_CUBIC), np.uint8)


def _speed(photos: list[Image], chance: np.random.Generator) -> dict[str, float]:
    """Enhance photos of 12 MP in two threads, each second one dark and noisy, files in and out."""
    files = [_large_file(photo, number % 2 == 1, chance) for number, photo in enumerate(photos)]

    def work(file: bytes) -> None:
        enhance_file(PhotoFile(file, _PIXELS), Wanted("natural"), lambda _: None, _PIXELS, None)

    began, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, files))
    return {
        "photos": len(photos),
        "cpu_s": round(time.process_time() - began, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
    }


def _large_file(photo: Image, faulty: bool, chance: np.random.Generator) -> bytes:
    large = cv2.resize(photo, (4000, 3000), interpolation=cv2.INTER_CUBIC)
    if faulty:
        large = np.clip(large * 0.5 + chance.normal(0, 5, large.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", large[:, :, ::-1])[1].tobytes()


if __name__ == "__main__":
    main()
