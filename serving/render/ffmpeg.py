"""The one place that runs FFmpeg's program, for encoders that PyAV's library is built without.

It reads what it is fed and no file; one that hangs is ended.
"""

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from typing import IO, TypeAlias

import ffmpeg  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]

from serving.errors import StudioError

Node: TypeAlias = "ffmpeg.nodes.FilterableStream"


class FfmpegSlow(StudioError):
    """FFmpeg took longer than it was given."""


class FfmpegDied(StudioError):
    """FFmpeg ended before it had made what it was there for; says its last lines."""


def find_ffmpeg() -> str:
    """Return the program: the machine's, or the one in imageio-ffmpeg's wheel."""
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def run_fed(stream: Node, parts: Iterable[memoryview], stall_s: float = 30.0) -> bytes:
    """Run a graph of ffmpeg-python that reads `pipe:` and return what it writes to `pipe:`.

    Both its output and its messages go to files without a name, so that it never waits for us, and
    nothing is left of them whoever is killed.

    Parameters
    ----------
    parts : its input. The next is asked for when the last is written; if it raises, the program is
        killed and the error goes on.

    Raises
    ------
    FfmpegDied
        It ended with an error.
    FfmpegSlow
        It took nothing, or did not end, for `stall_s`, and was killed.
    """
    with (
        tempfile.TemporaryFile() as made,
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            _command(stream), bufsize=0, stdin=subprocess.PIPE, stdout=made, stderr=said
        ) as process,
    ):
        assert process.stdin
        try:
            _feed(process.stdin, parts, stall_s)
            process.stdin.close()
            code = process.wait(stall_s)
        except subprocess.TimeoutExpired as error:
            raise FfmpegSlow(f"FFmpeg did not end within {stall_s:g} s") from error
        finally:
            process.kill()
        if code:
            said.seek(0)
            raise FfmpegDied(_last_lines(said.read(), code))
        made.seek(0)
        return made.read()


def _feed(pipe: IO[bytes], parts: Iterable[memoryview], stall_s: float) -> None:
    """Write all parts, or as many as are taken by a program that ends early."""
    os.set_blocking(pipe.fileno(), False)
    room = select.poll()
    room.register(pipe, select.POLLOUT)
    for part in parts:
        left = part.cast("B")
        while left:
            if not room.poll(1000 * stall_s):
                raise FfmpegSlow(f"FFmpeg took nothing for {stall_s:g} s")
            try:
                left = left[os.write(pipe.fileno(), left) :]
            except BrokenPipeError:
                return


def _command(stream: Node) -> list[str]:
    quiet = stream.global_args("-nostdin", "-v", "error")
    return list(ffmpeg.compile(quiet, cmd=find_ffmpeg()))


def _last_lines(said: bytes, code: int) -> str:
    lines = said.decode(errors="replace").strip().splitlines()[-6:]
    return f"FFmpeg: {'; '.join(lines) if lines else f'ended with {code}'}"
