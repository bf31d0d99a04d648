"""The one place that runs FFmpeg's program, for what its filters do better than we would.

The program, not the library: a hostile file breaks a process that is thrown away, and one that
hangs is ended. It reads the one file it is given and nothing else: no network, no other protocol.
"""

import shutil
import subprocess
from pathlib import Path
from typing import TypeAlias

import ffmpeg  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]

from serving.errors import BadInput, ListingError

Node: TypeAlias = "ffmpeg.nodes.FilterableStream"

PROTOCOLS = "file,pipe"


class FfmpegFailed(BadInput):
    """FFmpeg could not read or convert what it was given; says its last line."""


class FfmpegSlow(ListingError):
    """FFmpeg took longer than it was given."""


def find_ffmpeg() -> str:
    """Return the program: the machine's, or the one in imageio-ffmpeg's wheel."""
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def open_input(path: Path, **options: str | int) -> Node:
    """Return an input of ffmpeg-python for a local file that may be hostile."""
    return ffmpeg.input(f"file:{path}", protocol_whitelist=PROTOCOLS, **options)


def run(stream: Node, timeout_s: float = 600.0) -> bytes:
    """Run a graph of ffmpeg-python and return what it writes to `pipe:`.

    Raises
    ------
    FfmpegFailed
        It ended with an error.
    FfmpegSlow
        It was still running after `timeout_s`, and was killed.
    """
    command = ffmpeg.compile(stream.global_args("-nostdin", "-v", "error"), cmd=find_ffmpeg())
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise FfmpegSlow(f"FFmpeg took longer than {timeout_s:g} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise FfmpegFailed(f"FFmpeg: {lines[-1] if lines else done.returncode}")
    return done.stdout


def extract_sound(path: Path, rate_hz: int = 48_000, timeout_s: float = 120.0) -> bytes:
    """Return the sound of any file as interleaved stereo float32 samples, resampled.

    Raises
    ------
    FfmpegFailed
        There is no sound, or it cannot be read.
    """
    sound = open_input(path).audio
    written = ffmpeg.output(sound, "pipe:", format="f32le", ac=2, ar=rate_hz)
    return run(written, timeout_s)
