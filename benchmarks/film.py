"""What a film costs, against FFmpeg's encoder alone on the same frames; and what an edit costs.

LIMIT is `ffmpeg -f rawvideo … -c:v libx264 -preset veryfast -crf 20` on the frames of the show
(20 photos, 1080p30, 1515 frames, a logo throughout, five lower thirds, a 3D LUT, three wipes, two
transitions in space, crossfades, sound). CPU is user + system of everything that runs; of ours from
the call to the file on disk, the libraries imported (a worker imports once). Quality is PSNR-Y, the
BD-rate over four qualities of both. `--quick` takes five photos and leaves out the rest.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from figures import Figures, parse
from film_conformance import measure_conformance
from film_edits import measure_edits
from show import Cost, draw_frames, find_photos, make_show, make_sources, render

from serving.memory import bound_memory
from serving.render.cache import NoCache
from serving.render.encode import planes_of
from serving.render.encoders import choose_encoding
from serving.render.ffmpeg import find_ffmpeg
from serving.render.film import Options, render_film
from serving.render.profiles import Encoding
from serving.video.film import Film

CRFS = (17, 20, 23, 26)
MEMORY_PHOTOS = (5, 20, 100)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, help="of the show; 20, or 5 with --quick")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="only these")
    parser.add_argument("--peak", type=int, metavar="PHOTOS", help="only print a render's peak MB")
    arguments = parse(__doc__, parser)
    if arguments.peak:
        print(json.dumps({"peak_mb": measure_peak(arguments.peak)}))
        return
    show = make_show(arguments.photos or (5 if arguments.quick else 20))
    figures = Figures()
    figures.say(f"{len(show.clips)} photos, {show.frames} frames, {len(find_photos())} files")
    room = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=room, prefix="film-bench-") as folder:
        for part in arguments.parts or (QUICK_PARTS if arguments.quick else PARTS):
            PARTS[part](figures, show, Path(folder))
    figures.print()


def write_frames(film: Film, raw: Path) -> Path:
    """Draw a film's frames into a file."""
    with raw.open("wb") as file:
        for frame in draw_frames(film, make_sources()):
            file.write(frame)
    return raw


def compare(figures: Figures, show: Film, folder: Path) -> None:
    """Render the show, encode its frames with LIMIT and with our encoder's options; twice."""
    raw = write_frames(show, folder / "frames.yuv")
    runs: dict[str, list[Cost]] = {"limit": [], "alone": [], "ours": []}
    for _ in range(2):
        runs["limit"].append(encode_raw(show, raw, LIMIT))
        runs["alone"].append(encode_raw(show, raw, alone(Encoding())))
        runs["ours"].append(render(show, make_sources(), raw.with_name("film.mp4"), NoCache()))
    costs = {
        name: Cost(min(c.cpu_s for c in runs[name]), min(c.wall_s for c in runs[name]))
        for name in runs
    }
    limit, encoder, ours = costs["limit"], costs["alone"], costs["ours"]
    figures.add("film.cpu_ratio", ours.cpu_s / limit.cpu_s)
    figures.add("film.wall_ratio", ours.wall_s / limit.wall_s)
    figures.add("film.encoder_ratio", encoder.cpu_s / limit.cpu_s)
    figures.add("film.beyond_encoder_ratio", (ours.cpu_s - encoder.cpu_s) / limit.cpu_s)
    figures.add("film.limit_cpu_s", limit.cpu_s)
    figures.add("film.wall_s", ours.wall_s)
    check_file(figures, folder / "film.mp4", show)


LIMIT = ("-preset", "veryfast", "-crf", "20")


def alone(encoding: Encoding) -> tuple[str, ...]:
    """Return our encoder's options for FFmpeg's command line."""
    options = [word for key, value in encoding.options for word in (f"-{key}", value)]
    return (*[word.replace("-profile", "-profile:v") for word in options], "-threads", "1")


def encode_raw(film: Film, raw: Path, options: Sequence[str], output: Path | None = None) -> Cost:
    """Encode raw frames with FFmpeg."""
    command = [find_ffmpeg(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command += ["-s", f"{film.width}x{film.height}", "-r", str(film.fps), "-i", str(raw), "-an"]
    command += ["-c:v", "libx264", *options, str(output or raw.with_name("limit.mp4"))]
    before, start = children_cpu_s(), time.monotonic()
    subprocess.run(command, check=True)
    return Cost(children_cpu_s() - before, time.monotonic() - start)


def children_cpu_s() -> float:
    """Return the CPU of all processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def check_file(figures: Figures, path: Path, film: Film) -> None:
    """Decode the file: frames, repeated ones, times, tags."""
    times, repeated, before = [], 0, None
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        offset = float(video.start_time * video.time_base - audio.start_time * audio.time_base)
        context = video.codec_context
        tags = (context.pix_fmt, context.profile, context.colorspace, context.color_range)
        for frame in container.decode(video):
            times.append(frame.pts * frame.time_base)
            luma = planes_of(frame).y[::4, ::4].copy()
            repeated += before is not None and not np.any(luma != before)
            before = luma
    steps = {float(b - a) for a, b in pairwise(times)}
    figures.say(f"{tags}, steps of {steps} s")
    figures.add("film.frames_missing", abs(film.frames - len(times)))
    figures.add("film.frames_repeated", repeated)
    figures.add("film.steps_uneven", float(len(steps) != 1))
    figures.add("film.av_offset_ms", abs(offset) * 1e3)


def measure_quality(figures: Figures, show: Film, folder: Path) -> None:
    """Encode at several qualities, ours with all its segments, and compare the curves.

    Of the show's first six photos at most: a frame is decoded eight times.
    """
    film = make_show(min(6, len(show.clips)))
    raw = write_frames(film, folder / "frames.yuv")
    curves: dict[str, list[tuple[float, float]]] = {"limit": [], "ours": []}
    for crf in CRFS:
        limit, ours = folder / "q-limit.mp4", folder / "q-ours.mp4"
        encode_raw(film, raw, ("-preset", "veryfast", "-crf", str(crf)), limit)
        options = Options(choose_encoding(crf))
        render_film(film, make_sources(), ours, options)
        for name, path in (("limit", limit), ("ours", ours)):
            curves[name].append((_picture_bytes(path), psnr_y(path, raw, film)))
    figures.say("  ".join(f"{n}: {c}" for n, c in curves.items()))
    figures.add("film.bd_rate_percent", 100 * bd_rate(curves["limit"], curves["ours"]))


def _picture_bytes(path: Path) -> float:
    with av.open(str(path)) as container:
        return float(sum(p.size for p in container.demux(video=0)))


def psnr_y(path: Path, raw: Path, film: Film) -> float:
    """Return the PSNR of luma in dB, of the mean error of all frames."""
    size, errors = film.width * film.height, []
    with av.open(str(path)) as container, raw.open("rb") as file:
        for frame in container.decode(video=0):
            truth = np.frombuffer(file.read(size * 3 // 2), np.uint8)[:size]
            luma = planes_of(frame).y
            norm = cv2.norm(truth.reshape(luma.shape), luma, cv2.NORM_L2SQR)
            errors.append(norm / size)
    return float(10 * np.log10(255**2 / np.mean(errors)))


def bd_rate(anchor: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float:
    """Return how many more bytes `other` needs for the same PSNR, as a share.

    Source: G. Bjøntegaard, VCEG-M33, 2001, with piecewise cubics (JCTVC-L1100).
    """
    from scipy.interpolate import PchipInterpolator

    curves = [sorted((psnr, np.log(size)) for size, psnr in curve) for curve in (anchor, other)]
    low = max(curve[0][0] for curve in curves)
    high = min(curve[-1][0] for curve in curves)
    areas = [
        float(PchipInterpolator(*zip(*curve, strict=True)).integrate(low, high)) for curve in curves
    ]
    return float(np.exp((areas[1] - areas[0]) / (high - low)) - 1)


def measure_memory(figures: Figures, _show: Film, _folder: Path) -> None:
    """Render films of ever more photos, each in a process of its own."""
    peaks = {}
    for photos in MEMORY_PHOTOS:
        command = [sys.executable, __file__, "--peak", str(photos)]
        answer = subprocess.run(command, check=True, capture_output=True, env=os.environ).stdout
        peaks[photos] = json.loads(answer.splitlines()[-1])["peak_mb"]
        figures.add(f"film.peak_mb_{photos}", peaks[photos])
    figures.add("film.peak_ratio", max(peaks.values()) / min(peaks.values()))


def measure_peak(photos: int) -> float:
    """Render clips of half a second, as a worker does, and return this process's peak in MB."""
    bound_memory()
    film = make_show(photos, fps=10)
    with tempfile.TemporaryDirectory() as folder:
        render_film(film, make_sources(), Path(folder) / "film.mp4")
    # not getrusage, which begins with the size of whoever started the process
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]


def measure_4k(figures: Figures, _show: Film, _folder: Path) -> None:
    """Compare a short film in 4K with itself in 1080p."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        costs = [
            render(make_show(3, width, height), make_sources(), path, NoCache()).cpu_s
            for width, height in ((1920, 1080), (3840, 2160))
        ]
    figures.add("film.4k_ratio", costs[1] / costs[0])


Part = Callable[[Figures, Film, Path], None]
PARTS: dict[str, Part] = {
    "cost": compare,
    "edits": measure_edits,
    "quality": measure_quality,
    "conformance": measure_conformance,
    "memory": measure_memory,
    "4k": measure_4k,
}
QUICK_PARTS = ("cost", "edits", "quality", "conformance")

if __name__ == "__main__":
    main()
