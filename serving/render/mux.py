"""The file a film is delivered as: MP4 that plays while it loads."""

import heapq
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from serving.render.join import join_packets


@dataclass(frozen=True)
class Chapter:
    """A part of the film with a name, from a frame on to the next chapter."""

    start: int
    title: str


@dataclass(frozen=True)
class Tracks:
    """What goes into a file: encoded sound (an MP4) and chapters beside the picture."""

    fps: Fraction
    frames: int
    sound: bytes | None = None
    chapters: Sequence[Chapter] = ()


def write_mp4(path: Path, segments: Iterable[tuple[int, bytes]], tracks: Tracks) -> None:
    """Join segments, given as (first frame, MP4) in their order, into the file at `path`.

    The index comes before the pictures (`faststart`). The file appears whole or not at all.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container:
            _write(container, segments, tracks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write(
    container: OutputContainer, segments: Iterable[tuple[int, bytes]], tracks: Tracks
) -> None:
    if tracks.chapters:
        container.set_chapters(list(_chapters(tracks)))
    pictures = _pictures(container, join_packets(segments, tracks.fps))
    if tracks.sound is None:
        for _, packet in pictures:
            container.mux_one(packet)
        return
    with av.open(io.BytesIO(tracks.sound), format="mp4") as sound:
        first = next(pictures)  # its stream comes before that of the sound
        samples = _samples(container, sound)
        container.mux_one(first[1])
        for _, packet in heapq.merge(pictures, samples, key=lambda timed: timed[0]):
            container.mux_one(packet)


def _pictures(
    container: OutputContainer, packets: "Iterator[Packet[Any]]"
) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    stream = None
    for packet in packets:
        if stream is None:
            stream = container.add_stream_from_template(packet.stream)
            stream.time_base = packet.time_base
        packet.stream = stream
        yield (packet.dts or 0) * packet.time_base, packet


def _samples(
    container: OutputContainer, sound: InputContainer
) -> "Iterator[tuple[Fraction, Packet[Any]]]":
    source = sound.streams.audio[0]
    stream = container.add_stream_from_template(source)

    def packets() -> "Iterator[tuple[Fraction, Packet[Any]]]":
        for packet in sound.demux(source):
            if packet.dts is not None:
                packet.stream = stream
                yield packet.dts * packet.time_base, packet

    return packets()


def _chapters(tracks: Tracks) -> Iterator[dict[str, Any]]:
    starts = [chapter.start for chapter in tracks.chapters]
    for number, (chapter, end) in enumerate(
        zip(tracks.chapters, [*starts[1:], tracks.frames], strict=True)
    ):
        yield {
            "id": number,
            "start": chapter.start,
            "end": end,
            "time_base": 1 / tracks.fps,
            "metadata": {"title": chapter.title},
        }
