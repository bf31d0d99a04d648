"""The file a film is delivered as: MP4 that plays while it loads."""

import heapq
import io
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from serving.render.encode import configure, start
from serving.render.encoders import choose_encoding
from serving.render.join import join_packets
from serving.render.packets import CodedSegment
from serving.render.profiles import Encoding
from serving.video.film import Film


@dataclass(frozen=True)
class Chapter:
    """A part of the film with a name, from a frame on to the next chapter."""

    start: int
    title: str


@dataclass(frozen=True)
class Tracks:
    """What a file holds: the film's pictures in an encoding, encoded sound (an MP4), chapters."""

    film: Film
    encoding: Encoding
    sound: bytes | None = None
    chapters: Sequence[Chapter] = ()


def write_mp4(path: Path, segments: Iterable[tuple[int, CodedSegment]], tracks: Tracks) -> None:
    """Join segments, given as (first frame, packets) in their order, into the file at `path`.

    The index comes before the pictures (`faststart`). The file appears whole or not at all.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container:
            mux(container, segments, tracks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def mux(
    container: OutputContainer, segments: Iterable[tuple[int, CodedSegment]], tracks: Tracks
) -> None:
    """Write pictures and sound into an open container, in the order of their times."""
    if tracks.chapters:
        container.set_chapters([*_chapters(tracks)])
    film, encoding = tracks.film, tracks.encoding
    stream = add_pictures(container, film, encoding)
    header = stream.codec_context.extradata or b""
    if encoding.header_inside:
        header, segments = _peek(segments)
        put_header(stream, header)
    packets = join_packets(segments, film, header, encoding.reordering)
    pictures = _timed(packets, stream)
    if tracks.sound is None:
        for _, packet in pictures:
            container.mux_one(packet)
        return
    with av.open(io.BytesIO(tracks.sound), "r", format="mp4") as sound:
        source = sound.streams.audio[0]
        samples = (packet for packet in sound.demux(source) if packet.dts is not None)
        heard = _timed(samples, container.add_stream_from_template(source))
        for _, packet in heapq.merge(pictures, heard, key=lambda timed: timed[0]):
            container.mux_one(packet)


def add_pictures(container: OutputContainer, film: Film, encoding: Encoding) -> VideoStream:
    """Return a stream with the header of the encoder that made the segments.

    An encoder is opened for it, and gets no frames; one of the CPU's where that is not ours to
    open, whose header is then not the segments'.
    """
    if encoding.program:
        encoding = choose_encoding(codec=encoding.codec)
    stream = cast(VideoStream, container.add_stream(encoding.encoder, rate=film.fps))
    configure(stream.codec_context, film, encoding)
    stream.time_base = 1 / film.fps
    start(stream.codec_context)
    return stream


def _peek(
    segments: Iterable[tuple[int, CodedSegment]],
) -> tuple[bytes, Iterable[tuple[int, CodedSegment]]]:
    """Return the first segment's header, and all segments."""
    rest = iter(segments)
    first = next(rest)
    return first[1].header, itertools.chain([first], rest)


def put_header(stream: VideoStream, header: bytes) -> None:
    """Give the file, before its first packet, the header that the segments have."""
    # freed first: it was allocated in a way that cannot be resized
    stream.codec_context.extradata = None
    stream.codec_context.extradata = header


def _timed(
    packets: "Iterable[Packet[Any]]", stream: Stream
) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    for packet in packets:
        packet.stream = stream
        yield (packet.dts or 0) * packet.time_base, packet


def _chapters(tracks: Tracks) -> "Iterator[av.container.core.Chapter]":
    ends = [chapter.start for chapter in tracks.chapters[1:]] + [tracks.film.frames]
    for number, (chapter, end) in enumerate(zip(tracks.chapters, ends, strict=True)):
        yield {
            "id": number,
            "start": chapter.start,
            "end": end,
            "time_base": 1 / tracks.film.fps,
            "metadata": {"title": chapter.title},
        }
