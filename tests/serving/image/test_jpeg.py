"""A JPEG's header decides how it is decoded, and no header brings the process down."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import BadImage
from serving.image import decode
from serving.image.jpeg import read_markers
from tests.bodies import lossless_jpeg, relabel_frame
from tests.fakes import BLUE, RED, jpeg

CHILD = Path(__file__).with_name("decode_child.py")


def run_child(files: dict[str, bytes], folder: Path, *sides: int) -> list[str]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, str(CHILD), str(folder), *map(str, sides)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"died of {done.stdout.splitlines()[-1:]}: {done.stderr[-500:]}"
    return done.stdout.splitlines()


def test_a_lossless_jpeg_is_refused_by_name_and_writes_nowhere(tmp_path: Path) -> None:
    """libjpeg cannot scale it, and wrote all its rows into an array for an eighth of them."""
    files = {f"{n}-{c}": lossless_jpeg(components=c) for n in range(10) for c in (1, 3)}
    lines = run_child(files, tmp_path, 64, 0)
    assert len(lines) == 40
    assert all("BadImage a lossless JPEG is not read" in line for line in lines)


def test_no_frame_header_brings_the_process_down(tmp_path: Path) -> None:
    photo = jpeg(BLUE, 480, 640)
    files = {f"{marker:x}": relabel_frame(photo, marker) for marker in range(0xC0, 0xD0)}
    lines = run_child(files, tmp_path, 0, 64)
    assert [
        line for line in lines if not line.startswith(("c0", "c1", "c9")) and "Bad" not in line
    ] == []
    assert "c0 64 120 160 3" in lines


@pytest.mark.parametrize("bits", [1, 7, 12, 16])
def test_other_bit_depths_are_refused_by_name(bits: int) -> None:
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 4] = bits
    with pytest.raises(BadImage):
        decode(bytes(data), 10**6, 16)


def test_bytes_between_segments_and_short_lengths_are_passed_over_as_libjpeg_does() -> None:
    photo = jpeg(BLUE, 48, 64)
    inserted = b"\xff\xff\xff\x01" + b"junk" + b"\xff\xe5\x00\x00" + b"\xff\xfe\x00\x04\xff\xc3"
    frame = read_markers(photo[:2] + inserted + photo[2:]).frame
    assert frame == read_markers(photo).frame
    assert (frame.width, frame.height, frame.components, frame.bits) == (64, 48, 3, 8)


@given(st.binary(max_size=40), st.integers(0, 200))
def test_the_frame_that_is_read_is_the_one_libjpeg_decodes(junk: bytes, place: int) -> None:
    photo = jpeg(BLUE, 48, 64)
    data = photo[:place] + junk + photo[place:]
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return
    frame = read_markers(data).frame
    assert (frame.width, frame.height) == (width, height)


def test_a_scaled_jpeg_and_a_whole_one_show_the_same() -> None:
    photo = jpeg(BLUE, 480, 640)
    whole, small = decode(photo, 10**6), decode(photo, 10**6, 60)
    assert small.shape == (60, 80, 3)
    assert np.abs(whole.mean(axis=(0, 1)) - small.mean(axis=(0, 1))).max() < 1


FAULTS = """
import resource, sys
from serving.image import decode
from serving.memory import bound_memory
bound_memory()
data = open(sys.argv[1], "rb").read()
for _ in range(5):
    decode(data, 10**8, min_side=260)
before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
for _ in range(20):
    decode(data, 10**8, min_side=260)
print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
"""


def test_decoding_small_takes_no_new_pages_from_the_kernel(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg(RED, 1200, 1600))
    command = [sys.executable, "-c", FAULTS, str(photo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20 * 20  # of 88 pages each


def test_a_picture_keeps_its_pixels_when_the_next_is_decoded() -> None:
    red = decode(jpeg(RED, 480, 640), 10**7, min_side=64)
    before = red.copy()
    blue = decode(jpeg(BLUE, 480, 640), 10**7, min_side=64)
    assert np.array_equal(red, before)
    assert not np.shares_memory(red, blue)
