"""Whether files are what is promised of them, as FFmpeg's prober sees it: a part of film.py."""

import dataclasses
import json
import subprocess
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from figures import Figures
from show import make_show, make_sound, make_sources

from serving.render.encoders import choose_encoding
from serving.render.film import Options, render_film
from serving.render.profiles import RATES, Codec, fit_film
from serving.video.film import Film

PROFILES = ("720p", "1080p", "4k")
# how an MP4 names the codec, and the codec's profile
NAMES = {"h264": ("avc1", "High"), "hevc": ("hvc1", "Main"), "av1": ("av01", "Main")}
COLOURS = ("color_space", "color_transfer", "color_primaries")


def measure_conformance(figures: Figures, _show: Film, _folder: Path) -> None:
    """Render a short film with every codec, profile and rate, and look for what is not as promised.

    Two clips and a transition, so that segments of each kind are joined.
    """
    for codec in get_args(Codec):
        faults: list[str] = []
        for profile in PROFILES:
            for fps in RATES:
                film = fit_film(_short(int(fps)), profile)
                faults += [f"{profile} at {fps}: {fault}" for fault in _render(film, codec)]
        tag, name = NAMES[codec]
        promise = f"{name}, {tag}, yuv420p bt709 tv, AAC, index first: all profiles and rates"
        figures.say(f"{codec}: {'; '.join(faults) or promise}")
        key = "film.conformance_faults" + (f"_{codec}" if codec != "h264" else "")
        figures.add(key, len(faults))


def _short(fps: int) -> Film:
    film = make_show(2, fps=fps)
    clips = tuple(dataclasses.replace(clip, frames=6) for clip in film.clips)
    change = dataclasses.replace(film.transitions[0], frames=3)
    return dataclasses.replace(film, clips=clips, transitions=(change,), overlays=())


def _render(film: Film, codec: Codec) -> list[str]:
    sound = make_sound(float(film.frames / film.fps))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        options = Options(choose_encoding(codec=codec), sound=sound)
        render_film(film, make_sources(), path, options)
        return find_faults(path, film, codec)


def find_faults(path: Path, film: Film, codec: Codec) -> list[str]:
    """Return what is wrong with a file, all frames decoded."""
    said, complaints = _probe(path)
    video, audio = said["streams"]
    frames = [Fraction(frame["pts"]) for frame in said["frames"]]
    data = path.read_bytes()
    wanted = {
        "codec": (video["codec_name"], codec),
        "tag and profile": ((video["codec_tag_string"], video["profile"]), NAMES[codec]),
        "pixels": (video["pix_fmt"], "yuv420p"),
        "colours": (tuple(video.get(name) for name in COLOURS), ("bt709",) * 3),
        "range": (video.get("color_range"), "tv"),
        "size": ((video["width"], video["height"]), (film.width, film.height)),
        "rate": (Fraction(video["avg_frame_rate"]), film.fps),
        "frames": (len(frames), film.frames),
        "different steps": (len({b - a for a, b in pairwise(frames)}), 1),
        "sound": ((audio["codec_name"], audio["sample_rate"]), ("aac", "48000")),
        "start": ((float(video["start_time"]), float(audio["start_time"])), (0.0, 0.0)),
        "index first": (data.index(b"moov") < data.index(b"mdat"), True),
        "complaint": (complaints, ""),
    }
    return [f"{name} is {found}" for name, (found, right) in wanted.items() if found != right]


def _probe(path: Path) -> tuple[dict[str, Any], str]:
    """Return what ffprobe says of the streams and of the picture's frames, and its complaints."""
    pictures, complaint = _ask(path, "v", "-show_frames")
    sound, other = _ask(path, "a")
    return pictures | {"streams": pictures["streams"] + sound["streams"]}, complaint + other


def _ask(path: Path, kind: str, *more: str) -> tuple[dict[str, Any], str]:
    command = ["ffprobe", "-v", "warning", "-of", "json", "-select_streams", kind, "-show_streams"]
    done = subprocess.run([*command, *more, str(path)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout), done.stderr.strip()
