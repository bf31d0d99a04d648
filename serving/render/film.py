"""A film rendered: what is kept is taken, the rest is drawn, all of it is joined."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from serving.errors import Corrupted
from serving.render.cache import NoCache, PacketCache
from serving.render.frames import FrameRenderer, Sources
from serving.render.mux import Chapter, Tracks, write_mp4
from serving.render.naming import digest_sources, name_segments, name_sound
from serving.render.packets import CodedSegment, read_segment
from serving.render.pool import RenderControl, SegmentTask, encode_segments
from serving.render.profiles import Encoding
from serving.render.segments import Segment, split_film
from serving.render.sound import Sound, encode_sound
from serving.video.draw.transitions import find_kind
from serving.video.film import Film, check_film

Ready = Callable[[Segment, CodedSegment], None]


@dataclass(frozen=True)
class Options:
    """How a film is rendered.

    Parameters
    ----------
    encoding : codec and quality
    cache : where segments are kept
    sound : the mix; cut or filled up to the film's length
    chapters : names of its parts
    workers : segments encoded at the same time
    ready : told of each segment in the film's order, as soon as it and all before it are there
    """

    encoding: Encoding = field(default_factory=Encoding)
    cache: PacketCache = field(default_factory=NoCache)
    sound: Sound | None = None
    chapters: Sequence[Chapter] = ()
    workers: int = 2
    ready: Ready | None = None


@dataclass(frozen=True)
class Rendered:
    """What a render did: frames in the file, and how many of them had to be drawn."""

    frames: int
    drawn: int
    segments: int
    reused: int


def render_film(
    film: Film,
    sources: Sources,
    output: Path,
    options: Options | None = None,
    watch: RenderControl | None = None,
) -> Rendered:
    """Write a film as an MP4 to `output`.

    Segments that the cache has are taken from it, whoever made them; each new one goes into it as
    soon as it is done, so a render that was killed goes on where it stopped. The bytes of the file
    are the same either way.

    Raises
    ------
    BadInput
        The film makes no sense, or names what there is not.
    BadPhoto
        A photo cannot be read; says which.
    RenderCancelled
        `watch` said so; nothing is left behind but segments in the cache.
    """
    options, watch = options or Options(), watch or RenderControl()
    check_film(film)
    for transition in film.transitions:
        find_kind(transition.kind)
    segments = split_film(film)
    digest = digest_sources(sources)
    keys = name_segments(film, segments, options.encoding, digest)
    with tempfile.TemporaryDirectory(prefix="film-", dir=output.parent) as folder:
        shelf = _SegmentFiles(Path(folder), segments, options.ready)
        missing = list(_fetch(shelf, keys, options.cache))
        renderer = FrameRenderer(film, sources)
        todo = [shelf.task(number) for number in missing]
        places = {task.segment: n for task, n in zip(todo, missing, strict=True)}
        # beside the pictures: after them it would keep one core busy and the others waiting
        with ThreadPoolExecutor(1, "sound") as aside:
            sound = aside.submit(_encode_sound, options.sound, film, options.cache)
            for segment, coded in encode_segments(
                renderer, todo, options.encoding, watch, options.workers
            ):
                number, data = places[segment], coded.to_bytes()
                photo = film.clips[segment.index].photo
                options.cache.put(keys[number], data, photo, float(segment.frames / film.fps))
                shelf.put(number, data)
        tracks = Tracks(film, options.encoding, sound.result(), options.chapters)
        write_mp4(output, shelf.read(), tracks)
    drawn = sum(task.segment.frames for task in todo)
    return Rendered(film.frames, drawn, len(segments), len(segments) - len(todo))


def _encode_sound(sound: Sound | None, film: Film, cache: PacketCache) -> bytes | None:
    """Return the sound as it is kept, or encode and keep it: it costs as much as 40 frames."""
    if sound is None:
        return None
    length_s = film.frames / film.fps
    key = name_sound(sound, length_s)
    kept = cache.get(key)
    if kept is None:
        kept = encode_sound(sound, length_s)
        cache.put(key, kept)
    return kept


class _SegmentFiles:
    """A film's segments on disk, however many, told of in their order."""

    def __init__(self, folder: Path, segments: Sequence[Segment], ready: Ready | None) -> None:
        self._folder, self._segments, self._ready = folder, segments, ready
        self._next = 0

    def put(self, number: int, data: bytes) -> None:
        """Keep a segment."""
        self._path(number).write_bytes(data)
        while self._ready and self._next < len(self._segments) and self._path(self._next).exists():
            self._ready(self._segments[self._next], self._read(self._next))
            self._next += 1

    def task(self, number: int) -> SegmentTask:
        """Return what there is to do about a segment that is missing."""
        segment = self._segments[number]
        before = self._path(number - 1) if segment.follows else None
        return SegmentTask(segment, self._read(number - 1) if before and before.exists() else None)

    def read(self) -> Iterator[tuple[int, CodedSegment]]:
        """Yield each segment's first frame and its packets, in the film's order."""
        for number, segment in enumerate(self._segments):
            yield segment.start, self._read(number)

    def _read(self, number: int) -> CodedSegment:
        return read_segment(self._path(number).read_bytes())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.mp4"


def _fetch(shelf: _SegmentFiles, keys: Sequence[str], cache: PacketCache) -> Iterator[int]:
    """Take from the cache what it has; yield the numbers of the rest."""
    for number, key in enumerate(keys):
        data = cache.get(key)
        if data is None or not _is_whole(data):
            yield number
        else:
            shelf.put(number, data)


def _is_whole(data: bytes) -> bool:
    """Say whether what was kept can be used; if not, it is made again."""
    try:
        read_segment(data)
    except Corrupted:
        return False
    return True
