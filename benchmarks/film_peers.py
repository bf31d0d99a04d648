"""The same photos, lengths and crossfades through other ways to make such a film.

FFmpeg's own zoompan and xfade; MoviePy and editly, each installed into a folder that is thrown
away, and left out with a word where that fails. No logo, captions, grade or sound: not all of them
have these. CPU of each is given as a ratio to LIMIT: FFmpeg's encoder alone (veryfast, crf 20) on
the frames that we draw. What cannot be seen here, the jitter of whole-pixel motion, smoothness.py
measures of ours.
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from figures import Figures, parse
from film import LIMIT, Cost, children_cpu_s, encode_raw
from show import draw_frames, make_show, make_sources

from serving.render.ffmpeg import find_ffmpeg
from serving.render.film import render_film
from serving.video.film import Film

Peer = Callable[[Film, Path, Path], list[str]]
# time for a package with native parts to build, and to render eight times slower than we do
INSTALL_S, RENDER_S = 300, 1800

MOVIEPY = """
import json, sys
from moviepy import CompositeVideoClip, ImageClip, vfx
job = json.load(open(sys.argv[1]))
w, h, length, change = job["width"], job["height"], job["length_s"], job["change_s"]
clips = []
for number, photo in enumerate(job["photos"]):
    clip = ImageClip(photo).with_duration(length)
    clip = clip.resized(max(w / clip.w, h / clip.h))
    clip = clip.resized(lambda t: 1 + 0.15 * t / length).with_position("center")
    if number:
        clip = clip.with_effects([vfx.CrossFadeIn(change)])
    clips.append(clip.with_start(number * (length - change)))
film = CompositeVideoClip(clips, size=(w, h))
options = ["-crf", "20"]
film.write_videofile(job["output"], fps=job["fps"], codec="libx264", preset="veryfast",
                     ffmpeg_params=options, audio=False, logger=None)
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, help="20, or 3 with --quick")
    arguments = parse(__doc__, parser)
    photos = arguments.photos or (3 if arguments.quick else 20)
    figures = Figures()
    film = plain_show(photos)
    room = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=room, prefix="film-peers-") as name:
        folder = Path(name)
        raw = folder / "frames.yuv"
        with raw.open("wb") as file:
            for frame in draw_frames(film, make_sources()):
                file.write(frame)
        limit = encode_raw(film, raw, LIMIT)
        raw.unlink()
        cpu, start = time.process_time(), time.monotonic()
        render_film(film, make_sources(), folder / "ours.mp4")
        ours = Cost(time.process_time() - cpu, time.monotonic() - start)
        figures.say(f"{photos} photos, {film.frames} frames; LIMIT {limit.cpu_s:.1f} CPU-s")
        figures.add("peers.ours", ours.cpu_s / limit.cpu_s)
        for peer, prepare in {"ffmpeg": zoompan, "moviepy": moviepy, "editly": editly}.items():
            cost = run(figures, peer, prepare, (film, folder))
            if cost:
                figures.add(f"peers.{peer}", cost.cpu_s / limit.cpu_s)
    figures.print()


def plain_show(photos: int) -> Film:
    """Return the show without what only we lay on it."""
    film = make_show(photos)
    fades = tuple(dataclasses.replace(t, kind="crossfade") for t in film.transitions)
    return dataclasses.replace(film, transitions=fades, overlays=(), grade=None)


def run(figures: Figures, peer: str, prepare: Peer, job: tuple[Film, Path]) -> Cost | None:
    """Install and time a peer; say why not, where it cannot be."""
    film, folder = job
    output = folder / f"{peer}.mp4"
    try:
        command = prepare(film, folder, output)
        before, start = children_cpu_s(), time.monotonic()
        subprocess.run(command, check=True, capture_output=True, timeout=RENDER_S)
    except (subprocess.SubprocessError, OSError) as error:
        last = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        figures.say(
            f"{peer} does not run here: {'; '.join((last or str(error)).splitlines()[:4])[:200]}"
        )
        return None
    return Cost(children_cpu_s() - before, time.monotonic() - start)


def zoompan(film: Film, _: Path, output: Path) -> list[str]:
    """Return FFmpeg's command: a zoom per photo, then one crossfade after the other."""
    frames, change = film.clips[0].frames, film.transitions[0].frames / float(film.fps)
    step = frames / float(film.fps) - change
    size = f"{film.width}x{film.height}"
    graph = []
    for number in range(len(film.clips)):
        graph.append(
            f"[{number}]scale={2 * film.width}:{2 * film.height}:"
            f"force_original_aspect_ratio=increase,"
            f"crop={2 * film.width}:{2 * film.height},zoompan=z='1+0.15*on/{frames}':d={frames}:"
            f"x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':s={size}:fps={film.fps},format=yuv420p[c{number}]"
        )
    last = "c0"
    for number in range(1, len(film.clips)):
        graph.append(
            f"[{last}][c{number}]xfade=duration={change}:offset={number * step}[x{number}]"
        )
        last = f"x{number}"
    inputs = [word for clip in film.clips for word in ("-i", clip.photo)]
    command = [find_ffmpeg(), "-v", "error", "-y", *inputs, "-filter_complex", ";".join(graph)]
    return [
        *command,
        "-map",
        f"[{last}]",
        "-c:v",
        "libx264",
        *LIMIT,
        "-pix_fmt",
        "yuv420p",
        str(output),
    ]


def moviepy(film: Film, folder: Path, output: Path) -> list[str]:
    """Return the command of a MoviePy script, in an environment of its own."""
    home = folder / "moviepy"
    venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "moviepy==2.2.1"]
    subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_S)
    script = folder / "peer_moviepy.py"  # as moviepy.py it would import itself
    script.write_text(MOVIEPY)
    job = folder / "moviepy.json"
    job.write_text(
        json.dumps(
            {
                "width": film.width,
                "height": film.height,
                "fps": float(film.fps),
                "length_s": film.clips[0].frames / float(film.fps),
                "change_s": film.transitions[0].frames / float(film.fps),
                "photos": [clip.photo for clip in film.clips],
                "output": str(output),
            }
        )
    )
    return [python, str(script), str(job)]


def editly(film: Film, folder: Path, output: Path) -> list[str]:
    """Return editly's command."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("there is no npm")
    install = [npm, "install", "--prefix", str(folder / "editly"), "editly@0.14"]
    subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_S)
    length, change = (
        n / float(film.fps) for n in (film.clips[0].frames, film.transitions[0].frames)
    )
    layers = [
        {"duration": length, "layers": [{"type": "image", "path": c.photo, "zoomDirection": "in"}]}
        for c in film.clips
    ]
    job = folder / "editly.json"
    job.write_text(
        json.dumps(
            {
                "outPath": str(output),
                "width": film.width,
                "height": film.height,
                "fps": float(film.fps),
                "defaults": {"transition": {"name": "fade", "duration": change}},
                "clips": layers,
            }
        )
    )
    return [str(folder / "editly" / "node_modules" / ".bin" / "editly"), str(job)]


if __name__ == "__main__":
    sys.exit(main())
