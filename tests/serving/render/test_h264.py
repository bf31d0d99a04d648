import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import Corrupted
from serving.render.chain import continue_from, last_picture
from serving.render.encode import encode_segment, planes_of
from serving.render.frames import FrameRenderer
from serving.render.h264 import (
    UnknownStream,
    _escape,
    _unescape,
    frame_number,
    is_reference,
    read_counters,
    shift_counters,
)
from serving.render.packets import CodedPacket, CodedSegment, read_segment
from serving.render.profiles import Encoding
from serving.render.segments import split_film
from tests.serving.render.films import make_film, make_sources


@pytest.fixture(scope="module")
def clip() -> CodedSegment:
    film = make_film()
    segment = split_film(film)[0]
    return encode_segment(
        film, segment, FrameRenderer(film, make_sources()).painter(segment), Encoding()
    )


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=60).map(bytes))
def test_escaping_hides_start_codes_and_is_undone(payload: bytes) -> None:
    escaped = _escape(payload)
    assert b"\0\0\1" not in escaped
    assert b"\0\0\0" not in escaped
    assert _unescape(escaped) == payload


def test_counters_are_moved_and_nothing_else(clip: CodedSegment) -> None:
    counters = read_counters(clip.header)
    packet = clip.packets[1].data
    before = frame_number(packet, counters)
    moved = shift_counters(packet, counters, 3, 10)
    assert frame_number(moved, counters) == (before + 3) % 2**counters.frame_bits
    back = shift_counters(
        moved, counters, -3 % 2**counters.frame_bits, -10 % 2**counters.order_bits
    )
    assert back == shift_counters(packet, counters, 0, 0)


def test_a_clip_ends_with_its_last_reference(clip: CodedSegment) -> None:
    references = [packet for packet in clip.packets if is_reference(packet.data)]
    assert references[-1].shown == len(clip.packets) - 1


def test_last_picture_is_what_a_decoder_shows_last(clip: CodedSegment) -> None:
    film = make_film()
    segment = split_film(film)[0]
    from serving.video.draw.yuv import empty_planes

    out = empty_planes(film.width, film.height)
    FrameRenderer(film, make_sources()).painter(segment)(segment.frames - 1, out)
    shown = planes_of(last_picture(clip)).y.astype(int)
    assert np.abs(shown - out.y).mean() < 3


def test_what_cannot_be_continued_is_refused(clip: CodedSegment) -> None:
    other = CodedSegment(clip.header + b"\0\0\1\x06", clip.packets)
    with pytest.raises(UnknownStream):
        continue_from(other, clip)
    key_inside = CodedSegment(clip.header, (clip.packets[0], clip.packets[0]))
    with pytest.raises(UnknownStream):
        continue_from(clip, key_inside)
    with pytest.raises(UnknownStream):
        read_counters(b"")


def test_a_segment_is_read_as_it_was_written(clip: CodedSegment) -> None:
    assert read_segment(clip.to_bytes()) == clip


@given(st.binary(max_size=60))
def test_what_is_no_segment_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupted):
        read_segment(data)


def test_a_segment_cut_short_is_refused() -> None:
    whole = CodedSegment(b"h", (CodedPacket(b"abc", 0, True),)).to_bytes()
    for size in range(len(whole)):
        with pytest.raises(Corrupted):
            read_segment(whole[:size])
