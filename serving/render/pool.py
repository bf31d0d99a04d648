"""Segments drawn and encoded at the same time, in threads, which end at once when told to.

Threads share the prepared photos, and what costs time (sampling, encoding) runs outside Python's
lock. A segment is always encoded by a single thread: its bytes depend on nobody else.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

import cv2

from serving.errors import StudioError
from serving.render.encode import encode_segment
from serving.render.frames import FrameRenderer
from serving.render.packets import CodedSegment
from serving.render.profiles import Encoding
from serving.render.segments import Segment
from serving.video.draw.yuv import Planes

_LOOK_EVERY_S = 0.1


class RenderCancelled(StudioError):
    """Somebody asked for the rendering to stop."""


@dataclass(frozen=True)
class RenderControl:
    """Who looks on: told of progress, asked whether to go on; both in the calling thread.

    Parameters
    ----------
    progress : frames that are done, and all frames
    cancelled : asked about ten times a second
    """

    progress: Callable[[int, int], None] = lambda _done, _total: None
    cancelled: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class SegmentTask:
    """A segment to encode.

    Parameters
    ----------
    before : the packets of the segment that it follows; None if that one is the task before
    """

    segment: Segment
    before: CodedSegment | None = None


class _Count:
    """Frames drawn by all threads, and the sign to stop."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.stop = threading.Event()
        self._lock = threading.Lock()

    def step(self) -> None:
        """Count a frame; RenderCancelled once the sign is given."""
        if self.stop.is_set():
            raise RenderCancelled("the rendering was stopped")
        with self._lock:
            self.frames += 1


def encode_segments(
    renderer: FrameRenderer,
    todo: Sequence[SegmentTask],
    encoding: Encoding,
    watch: RenderControl,
    workers: int = 2,
) -> Iterator[tuple[Segment, CodedSegment]]:
    """Yield segments and their packets as they are done, in no certain order.

    Whoever stops taking them, or an error in one, stops all the others within a frame.

    Raises
    ------
    RenderCancelled
        When `watch` says so.
    BadPhoto
        A photo cannot be read.
    """
    total = renderer.film.frames
    count = _Count(total - sum(task.segment.frames for task in todo))

    def encode(segment: Segment, before: Future[CodedSegment] | None) -> CodedSegment:
        paint = renderer.painter(segment)

        def draw(number: int, out: Planes) -> None:
            count.step()
            paint(number, out)

        return encode_segment(
            renderer.film, segment, draw, encoding, before.result() if before else None
        )

    with _one_thread_each(), ThreadPoolExecutor(workers, "render") as pool:
        waiting = _submit(pool, encode, todo, encoding.chains)
        try:
            yield from _finished(waiting, count, watch, total)
        finally:
            count.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor,
    encode: Callable[[Segment, Future[CodedSegment] | None], CodedSegment],
    todo: Sequence[SegmentTask],
    chains: bool,
) -> dict[Future[CodedSegment], Segment]:
    """Hand all to the threads: where they chain, one that follows after the next that does not.

    So it is there when its turn comes, and no thread waits while there is other work.
    """
    futures: dict[int, Future[CodedSegment]] = {}
    order = sorted(range(len(todo)), key=lambda n: n + 1.5 * (chains and todo[n].segment.follows))
    for number in order:
        segment, data = todo[number].segment, todo[number].before
        before = None
        if chains and segment.follows:
            before = futures[number - 1] if data is None else _done(data)
        futures[number] = pool.submit(encode, segment, before)
    return {futures[number]: todo[number].segment for number in order}


def _done(data: CodedSegment) -> Future[CodedSegment]:
    future: Future[CodedSegment] = Future()
    future.set_result(data)
    return future


def _finished(
    waiting: dict[Future[CodedSegment], Segment], count: _Count, watch: RenderControl, total: int
) -> Iterator[tuple[Segment, CodedSegment]]:
    told = time.monotonic()
    while waiting:
        done, _ = wait(waiting, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        for future in done:
            yield waiting.pop(future), future.result()
        if watch.cancelled():  # after they were kept: what they take up counts
            raise RenderCancelled("the rendering was cancelled")
        if done or time.monotonic() - told >= _LOOK_EVERY_S:
            told = time.monotonic()
            watch.progress(count.frames, total)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let OpenCV use the calling thread only: our own threads share the cores already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
