"""Frames to packets by FFmpeg's program, for encoders that PyAV's library is built without.

One process per segment: raw pictures in, NUT out, which keeps times, key frames and Annex B.
"""

import dataclasses
import io
from collections.abc import Callable, Iterator

import av
import av.error
import ffmpeg  # type: ignore[import-untyped]

from serving.render.ffmpeg import FfmpegDied, Node, run_fed
from serving.render.h264 import join_units, split_units
from serving.render.packets import CodedPacket, CodedSegment
from serving.render.profiles import Codec, Encoding
from serving.video.draw.yuv import Planes, empty_planes
from serving.video.film import Film

# said of the frames too: newer programs tag the stream with what these have
_BT709 = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
# SPS and PPS, and VPS before them; Rec. ITU-T H.264, table 7-1, and H.265, table 7-1
_SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}
_TAGS = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709"}


def encode_by_program(
    film: Film, frames: int, draw: Callable[[int, Planes], None], encoding: Encoding
) -> CodedSegment:
    """Draw and encode frames; they begin with a key frame and refer to no others.

    Parameters
    ----------
    draw : writes frame 0 .. frames - 1 into the planes given. May raise to stop.
    encoding : with a `program`

    Raises
    ------
    FfmpegDied
        The program ended with an error, or did not give a picture for each frame.
    FfmpegSlow
        It hung.
    """
    data = run_fed(_graph(film, encoding), _drawn(film, frames, draw))
    header, packets = _read(data, film)
    if sorted(packet.shown for packet in packets) != list(range(frames)) or not packets[0].key:
        raise FfmpegDied(f"FFmpeg: {encoding.encoder} gave {len(packets)} of {frames} pictures")
    return _part_header(header, packets, encoding.codec)


def _graph(film: Film, encoding: Encoding) -> Node:
    assert encoding.program
    pictures = ffmpeg.input(
        "pipe:",
        format="rawvideo",
        pix_fmt="yuv420p",
        video_size=(film.width, film.height),
        framerate=str(film.fps),
        protocol_whitelist="pipe",
    )
    options = {"c:v": encoding.encoder, "flags:v": "+cgop+global_header", "color_range": "tv"}
    options |= {f"{name}:v": value for name, value in encoding.options}
    filters = f"{_BT709},{encoding.program.filters}"
    made = ffmpeg.output(pictures, "pipe:", format="nut", vf=filters, **_TAGS, **options)
    return made.global_args(*encoding.program.settings)


def _drawn(film: Film, frames: int, draw: Callable[[int, Planes], None]) -> Iterator[memoryview]:
    planes = empty_planes(film.width, film.height)
    for number in range(frames):
        draw(number, planes)
        for plane in planes:
            yield plane.data


def _read(nut: bytes, film: Film) -> tuple[bytes, list[CodedPacket]]:
    """Return the codec's header, if the encoder gave one, and the packets as they are decoded."""
    try:
        with av.open(io.BytesIO(nut), "r", format="nut") as container:
            stream = container.streams.video[0]
            timed = [packet for packet in container.demux(stream) if packet.size]
            header = stream.codec_context.extradata or b""
    except (av.error.FFmpegError, IndexError) as error:
        raise FfmpegDied(f"FFmpeg: what it wrote cannot be read ({error})") from error
    # times may be moved so that none is negative
    first = min((packet.pts or 0 for packet in timed), default=0)
    return header, [
        CodedPacket(
            bytes(packet),
            round(((packet.pts or 0) - first) * packet.time_base * film.fps),
            packet.is_keyframe,
        )
        for packet in timed
    ]


def _part_header(header: bytes, packets: list[CodedPacket], codec: Codec) -> CodedSegment:
    """Return the parameter sets as the header and nowhere else, as hvc1 asks.

    VAAPI's encoders repeat them before each key frame; some drivers write them only there, where
    the demuxer has found them.

    Raises
    ------
    FfmpegDied
        There are none.
    """

    def is_set(unit: bytes) -> bool:
        return (unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63) in _SETS[codec]

    def bare(packet: CodedPacket) -> CodedPacket:
        rest = (unit for unit in split_units(packet.data) if not is_set(unit))
        return dataclasses.replace(packet, data=join_units(rest)) if packet.key else packet

    sets = [unit for unit in split_units(header) if is_set(unit)]
    if not sets:
        raise FfmpegDied("FFmpeg: the encoder gave no parameter sets")
    return CodedSegment(join_units(sets), tuple(bare(packet) for packet in packets))
