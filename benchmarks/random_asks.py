"""What random films are made of: photos of every kind, music, and requests, the same per seed."""

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import soundfile
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image as Pillow
from random_music import draw_track

from serving.render.template_files import shipped_templates
from serving.storage.interface import Storage
from serving.video.draw.transitions import KINDS
from serving.video.edit.photo_order import WALK
from synthetic.music.tracks import RATE_HZ

Pixels = NDArray[np.uint8]
Json = dict[str, Any]

COPIES, TRACKS, SHORT = 3, 10, 3
ASPECTS = ("16:9", "16:9", "9:16", "1:1", "4:5")
RATES = (24, 25, 30, 50, 60)
SHORTEST_S, LONGEST_S, MOST_PHOTOS = 3.0, 120.0, 40
CODECS = ("h264", "hevc", "av1")


def fill(storage: Storage) -> None:
    """Put the photos and tracks that requests name into the storage."""
    for kind, draw in PHOTOS.items():
        for number in range(COPIES):
            rng = np.random.default_rng([number, *kind.encode()])
            storage.write(photo_name(kind, number), encode(draw(rng), rng))
    for number in range(TRACKS):
        storage.write(track_name(number), make_track(number))


def photo_name(kind: str, number: int) -> str:
    """Return a photo's key."""
    return f"photos/{kind}-{number}"


def track_name(number: int) -> str:
    """Return a track's key."""
    return f"tracks/{number}.wav"


def draw_ask(rng: Generator) -> Json:
    """Return a request for a film; most say how long it is to be, some are cut by hand."""
    count = round(log_uniform(rng, 1, MOST_PHOTOS))
    length_s = round(log_uniform(rng, SHORTEST_S, LONGEST_S), 2)
    photos = [draw_photo(rng) for _ in range(count)]
    if count > 1 and rng.uniform() < 0.2:
        photos[-1] = dict(photos[0])
    ask: Json = {
        "photos": photos,
        "template": str(rng.choice([*shipped_templates()])),
        "order": str(rng.choice(["rooms", "given"])),
        "formats": [draw_format(rng)],
        "preview": False,
        "waveform": bool(rng.uniform() < 0.1),
    }
    if rng.uniform() < 0.5:
        number, start_s = int(rng.integers(TRACKS)), float(rng.choice([0.0, 0.0, 3.7]))
        ask["music"] = {"track": track_name(number), "start_s": start_s * (number != SHORT)}
    if rng.uniform() < 0.5:
        ask |= draw_words(rng)
    way = rng.uniform()
    if way < 0.2:
        ask["timeline"] = draw_timeline(rng, count, length_s)
    elif way < 0.85 or count > 12:
        ask["length_s"] = length_s
    return ask


def draw_photo(rng: Generator) -> Json:
    """Return a photo of a request, some with a caption, a weight or a focus."""
    kind = str(rng.choice([*PHOTOS]))
    asked: Json = {
        "photo": photo_name(kind, int(rng.integers(COPIES))),
        "room": str(rng.choice(WALK)),
        "weight": float(rng.choice([1, 1, 1, 2, 0.5])),
    }
    if rng.uniform() < 0.3:
        asked["caption"] = str(rng.choice(["Kitchen", "Living room, 32 m²", "A view of the lake"]))
    if rng.uniform() < 0.3:
        asked["focus"] = rng.uniform(size=(int(rng.integers(1, 4)), 2)).round(3).tolist()
    return asked


def draw_format(rng: Generator) -> Json:
    """Return a file's format."""
    return {
        "aspect": str(rng.choice(ASPECTS)),
        "profile": "720p",
        "fps": int(rng.choice(RATES)),
        "codec": str(rng.choice(CODECS, p=[0.86, 0.07, 0.07])),
    }


def draw_words(rng: Generator) -> Json:
    """Return a title and who offers the listing."""
    words = {"headline": "Rose Cottage", "address": "12 High Street", "price": "450,000"}
    brand = {"name": "Smith & Co", "phone": "+44 20 7946 0000"}
    if rng.uniform() < 0.3:
        brand["watermark"] = "Smith & Co"
    return {"words": words, "brand": brand}


def draw_timeline(rng: Generator, photos: int, length_s: float) -> Json:
    """Return a film cut by hand: any transition, from two frames to all that clips can spare."""
    clips = int(rng.integers(1, min(30, max(1, int(length_s / 0.4))) + 1))
    lengths = rng.dirichlet(np.full(clips, 3.0)) * length_s
    asked: list[Json] = []
    for number, seconds in enumerate(lengths.clip(0.3).round(3).tolist()):
        asked.append({"photo": int(rng.integers(photos)), "length_s": seconds})
        if number < clips - 1:
            spare = 0.9 * min(seconds, max(0.3, float(lengths[number + 1])))
            asked[-1]["transition"] = draw_transition(rng, spare)
    return {"clips": asked}


def draw_transition(rng: Generator, spare_s: float) -> Json:
    """Return a transition of half of `spare_s` on either side at most."""
    kind = str(rng.choice([*KINDS]))
    if kind == "cut":
        return {"kind": kind}
    # rounded to an even number of frames, at 24 a second; neighbours have to share a clip
    seconds = min(float(rng.uniform(0.04, 1.0)) * spare_s - 0.09, 5.0)
    if seconds < 0.05:
        return {"kind": "cut"}
    params = {"colour": str(rng.choice(["#000000", "#ffffff", "#336699"]))} if kind == "dip" else {}
    return {"kind": kind, "length_s": round(seconds, 3), "params": params}


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw a number of which every doubling is as likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def make_track(number: int) -> bytes:
    """Return a piece of music as a wav: most have beats, one fades, one pauses, one is faint."""
    samples = draw_track(number).samples.copy()
    if number == 0:
        samples *= np.linspace(1, 0, len(samples), dtype=np.float32) ** 2
    elif number == 1:
        samples[len(samples) // 3 : len(samples) // 2] = 0
    elif number == 2:
        samples *= 0.01
    elif number == SHORT:
        samples = samples[: 2 * RATE_HZ]
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


def encode(pixels: Pixels, rng: Generator) -> bytes:
    """Return pixels as a JPEG of some quality, or a PNG."""
    file = io.BytesIO()
    if rng.uniform() < 0.15:
        Pillow.fromarray(pixels).save(file, "PNG")
    else:
        Pillow.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(60, 96)))
    return file.getvalue()


def room(rng: Generator, width: int = 900, height: int = 600) -> Pixels:
    """Return surfaces with edges, light that falls off, and grain, as photos of rooms have."""
    image = np.full((height, width, 3), rng.integers(120, 230), np.float32)
    for _ in range(70):
        x, y = int(rng.integers(-50, width)), int(rng.integers(-50, height))
        size = rng.integers(20, max(40, width // 4), 2)
        colour = rng.integers(20, 250, 3).tolist()
        cv2.rectangle(image, (x, y), (x + int(size[0]), y + int(size[1])), colour, -1)
    light = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), width, dtype=np.float32)
    return finish(cv2.GaussianBlur(image, (0, 0), 1.0) * light[None, :, None], rng, 3)


def finish(image: NDArray[np.float32], rng: Generator, grain: float) -> Pixels:
    """Add grain and round."""
    noisy = image + rng.normal(0, grain, image.shape)
    return np.asarray(noisy.clip(0, 255), np.uint8)


def dimmed(share: float) -> Callable[[Generator], Pixels]:
    """Return a room with that share of its light."""
    return lambda rng: finish(room(rng).astype(np.float32) * share, rng, 1.5)


def plain(*levels: int) -> Callable[[Generator], Pixels]:
    """Return a photo of one colour."""
    return lambda rng: np.full((600, 800, 3), levels[int(rng.integers(len(levels)))], np.uint8)


def drawing(rng: Generator) -> Pixels:
    """Return a floor plan: thin lines on white."""
    image = np.full((700, 900, 3), 255, np.uint8)
    for _ in range(9):
        x, y = int(rng.integers(40, 700)), int(rng.integers(40, 500))
        corner = (x + int(rng.integers(80, 200)), y + int(rng.integers(80, 180)))
        cv2.rectangle(image, (x, y), corner, (20, 20, 20), 3)
    cv2.putText(image, "Bedroom 12 m2", (200, 350), cv2.FONT_HERSHEY_SIMPLEX, 1, (40,) * 3, 2)
    return image


def gradient(rng: Generator) -> Pixels:
    """Return a clear sky: hardly any detail."""
    top, end = rng.integers(60, 255, (2, 3))
    ramp = np.linspace(0, 1, 600)[:, None, None]
    whole = (1 - ramp) * top + ramp * end
    return np.asarray(np.broadcast_to(whole, (600, 800, 3)), np.uint8).copy()


def noise(rng: Generator) -> Pixels:
    """Return nothing but noise, coarse or fine."""
    size = int(rng.choice([1, 3, 10]))
    small = rng.integers(0, 256, (480 // size, 640 // size, 3), np.uint8)
    return np.asarray(cv2.resize(small, (640, 480), interpolation=cv2.INTER_NEAREST), np.uint8)


def half_dark(rng: Generator) -> Pixels:
    """Return a photo of which a camera may see the dark half alone."""
    image = room(rng)
    image[:, : 550 if rng.uniform() < 0.5 else 250] //= 20
    return image


def stripes(rng: Generator) -> Pixels:
    """Return blinds: fine lines across."""
    rows = (np.arange(600) // int(rng.integers(1, 5)) % 2 * 200 + 30).astype(np.uint8)
    return np.repeat(np.repeat(rows[:, None, None], 800, 1), 3, 2)


PHOTOS: dict[str, Callable[[Generator], Pixels]] = {
    "room": room,
    "large": lambda rng: room(rng, 2400, 1600),
    "upright": lambda rng: room(rng, 600, 900),
    "tower": lambda rng: room(rng, 300, 1500),
    "panorama": lambda rng: room(rng, 2400, 400),
    "tiny": lambda rng: room(rng, 60, 40),
    "dark": dimmed(0.12),
    "night": dimmed(0.03),
    "half_dark": half_dark,
    "black": plain(0, 3, 6),
    "white": plain(255, 250),
    "grey": plain(128, 70, 200),
    "drawing": drawing,
    "gradient": gradient,
    "noise": noise,
    "stripes": stripes,
}
