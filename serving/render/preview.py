"""A film that plays while it is rendered: HLS with parts of fragmented MP4."""

import io
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet

from serving.render.join import time_packets
from serving.render.mux import add_pictures, put_header
from serving.render.packets import CodedSegment
from serving.render.profiles import Encoding
from serving.render.segments import Segment
from serving.video.film import Film

Publish = Callable[[str, bytes], None]

PLAYLIST, INIT = "playlist.m3u8", "init.mp4"
# Parts end where the next key frame is; the index waits for the first, to know where times begin.
_FLAGS = "frag_keyframe+delay_moov+default_base_moof"


class _Pipe(io.RawIOBase):
    """What the muxer writes, to be taken away."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._kept += data
        return len(data)

    def take_boxes(self) -> list[tuple[bytes, bytes]]:
        """Return (kind, bytes) of each whole MP4 box written since."""
        boxes: list[tuple[bytes, bytes]] = []
        at = 0
        while len(self._kept) - at >= 8:
            size, kind = struct.unpack_from(">I4s", self._kept, at)
            if len(self._kept) - at < size:
                break
            boxes.append((kind, bytes(self._kept[at : at + size])))
            at += size
        del self._kept[:at]
        return boxes


class PreviewStream:
    """Publishes parts as segments come in, and a playlist that grows; `close` ends it.

    Parameters
    ----------
    film, encoding : of the segments, H.264
    sound : an MP4 with the whole film's sound, or None
    publish : stores a file under a name; the playlist, each time anew, last
    """

    def __init__(
        self, film: Film, encoding: Encoding, sound: bytes | None, publish: Publish
    ) -> None:
        self._film, self._publish = film, publish
        self._encoding = encoding
        self._pipe = _Pipe()
        self._out = av.open(self._pipe, "w", format="mp4", options={"movflags": _FLAGS})
        self._pictures = add_pictures(self._out, film, encoding)
        self._heard = self._open_sound(sound) if sound else iter(())
        self._next: Packet[Any] | None = next(self._heard, None)
        self._cuts: list[int] = []  # first frames of parts that have begun
        self._lengths: list[Fraction] = []
        self._head, self._part = b"", b""

    def add(self, segment: Segment, coded: CodedSegment) -> None:
        """Take the next segment of the film; `serving.render.film.Options.ready`."""
        if self._encoding.header_inside and not self._cuts:
            put_header(self._pictures, coded.header)
        for packet in time_packets(segment.start, coded, self._film, self._encoding.reordering):
            time_s = (packet.dts or 0) / self._film.fps
            self._mux_sound(time_s)
            packet.stream = self._pictures
            self._out.mux_one(packet)
        if coded.packets[0].key:
            self._cuts.append(segment.start)
        self._publish_parts(last=False)

    def close(self) -> None:
        """Publish what is left and end the playlist."""
        self._mux_sound(self._film.frames / self._film.fps)
        self._out.close()
        self._publish_parts(last=True)

    def _open_sound(self, sound: bytes) -> "Iterator[Packet[Any]]":
        container = av.open(io.BytesIO(sound), "r", format="mp4")
        source = container.streams.audio[0]
        stream = self._out.add_stream_from_template(source)

        def packets() -> "Iterator[Packet[Any]]":
            with container:
                for packet in container.demux(source):
                    if packet.dts is not None:
                        packet.stream = stream
                        yield packet

        return packets()

    def _mux_sound(self, until_s: Fraction) -> None:
        while self._next is not None and (self._next.dts or 0) * self._next.time_base < until_s:
            self._out.mux_one(self._next)
            self._next = next(self._heard, None)

    def _publish_parts(self, last: bool) -> None:
        new = False
        for kind, data in self._pipe.take_boxes():
            if kind in (b"ftyp", b"moov"):
                self._head += data
            elif kind in (b"moof", b"mdat"):
                self._part += data
            if kind == b"mdat":
                self._publish_part()
                new = True
        if new or last:
            self._publish(PLAYLIST, self._playlist(last))

    def _publish_part(self) -> None:
        number = len(self._lengths)
        if number == 0:
            self._publish(INIT, self._head)
        ends = [*self._cuts[1:], self._film.frames]
        self._lengths.append((ends[number] - self._cuts[number]) / self._film.fps)
        self._publish(part_name(number), self._part)
        self._part = b""

    def _playlist(self, last: bool) -> bytes:
        longest = -(-max(self._lengths, default=Fraction(1)) // 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{longest}"]
        lines += ["#EXT-X-PLAYLIST-TYPE:EVENT", f'#EXT-X-MAP:URI="{INIT}"']
        for number, length in enumerate(self._lengths):
            lines += [f"#EXTINF:{float(length):.6f},", part_name(number)]
        return ("\n".join([*lines, *["#EXT-X-ENDLIST"] * last]) + "\n").encode()


def part_name(number: int) -> str:
    """Return the name under which a part is published."""
    return f"part-{number:05}.m4s"
