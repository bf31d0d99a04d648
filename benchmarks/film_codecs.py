"""What HEVC and AV1 cost and save, against H.264 of the same film at the same quality.

The show of film.py with all its effects and sound, six photos of it. CPU is that of the whole
render, drawing included; bytes are of the pictures. Quality is FFmpeg's SSIM and PSNR of luma
against the frames as drawn: that of H.264 is printed, of the others the difference in dB. One that
is smaller but looks worse would not be a saving: SSIM should be about the same. `--quick` takes
three photos, and the default quality alone.
"""

import argparse
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import av
from figures import Figures, parse
from film import render, write_frames
from show import make_show, make_sources

from serving.render.cache import NoCache
from serving.render.encoders import choose_encoding
from serving.render.ffmpeg import find_ffmpeg
from serving.render.profiles import Codec
from serving.video.film import Film

CRFS, DEFAULT = (17, 20, 23, 26), 20


@dataclass(frozen=True)
class Result:
    """CPU seconds of a render, bytes of its pictures, their quality in dB."""

    cpu_s: float
    size: int
    psnr_db: float
    ssim_db: float


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, help="of the show; 6, or 3 with --quick")
    arguments = parse(__doc__, parser)
    film = make_show(arguments.photos or (3 if arguments.quick else 6))
    figures = Figures()
    figures.say(f"{len(film.clips)} photos, {film.frames} frames")
    room = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=room, prefix="film-codecs-") as folder:
        raw = write_frames(film, Path(folder) / "frames.yuv")
        # what is paid once, libraries and tables, is no codec's
        render(make_show(1), make_sources(), raw.with_name("film.mp4"), NoCache())
        for crf in (DEFAULT,) if arguments.quick else CRFS:
            results = {codec: measure(film, raw, crf, codec) for codec in get_args(Codec)}
            report(figures, crf, results)
    figures.print()


def report(figures: Figures, crf: int, results: dict[Codec, Result]) -> None:
    """Add a quality's figures, each against H.264's."""
    base = results["h264"]
    figures.say(f"crf {crf}: {results}")
    end = "" if crf == DEFAULT else f"_{crf}"
    figures.add(f"codecs.h264_ssim_db{end}", base.ssim_db)
    figures.add(f"codecs.h264_psnr_db{end}", base.psnr_db)
    for codec, result in results.items():
        if codec == "h264":
            continue
        figures.add(f"codecs.{codec}_cpu_ratio{end}", result.cpu_s / base.cpu_s)
        figures.add(f"codecs.{codec}_bytes_ratio{end}", result.size / base.size)
        figures.add(f"codecs.{codec}_ssim_gain_db{end}", result.ssim_db - base.ssim_db)
        figures.add(f"codecs.{codec}_psnr_gain_db{end}", result.psnr_db - base.psnr_db)


def measure(film: Film, raw: Path, crf: int, codec: Codec) -> Result:
    """Render a film and compare it with its frames."""
    path = raw.with_name("film.mp4")
    encoding = choose_encoding(crf, codec=codec)
    cost = render(film, make_sources(), path, NoCache(), encoding=encoding)
    with av.open(str(path)) as container:
        size = sum(packet.size for packet in container.demux(video=0))
    psnr_db, ssim_db = compare(path, raw, film)
    return Result(cost.cpu_s, size, psnr_db, ssim_db)


def compare(path: Path, raw: Path, film: Film) -> tuple[float, float]:
    """Return PSNR and SSIM of luma in dB, of the mean of all frames."""
    frames = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{film.width}x{film.height}"]
    # by number, whatever the clocks of the two
    both = f"settb=1/{film.fps},setpts=N,split"
    graph = f"[0:v]{both}[a][b];[1:v]{both}[c][d];[a][c]psnr;[b][d]ssim"
    command = [find_ffmpeg(), "-nostdin", "-threads", "1", "-i", str(path), *frames]
    command += ["-r", str(film.fps), "-i", str(raw), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"PSNR y:([\d.]+)", said), re.search(r"SSIM Y:[\d.]+ \(([\d.]+)\)", said)
    psnr, ssim = (float(match[1]) for match in found if match)
    return psnr, ssim


if __name__ == "__main__":
    main()
