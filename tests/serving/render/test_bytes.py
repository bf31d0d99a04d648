"""Encoders give the same bytes whatever lay in their memory before."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import hashlib, sys
from fractions import Fraction
import numpy as np
from serving.render.encode import encode_segment
from serving.render.profiles import Encoding
from serving.render.segments import CLIP, Segment
from serving.video.film import Film

width, height = int(sys.argv[1]), int(sys.argv[2])
noise = np.random.default_rng(0).integers(0, 255, (height + 64, width + 64), np.uint8)

def draw(number, out):
    for plane in out:
        rows, columns = plane.shape
        plane[:] = noise[number : number + rows, 2 * number : 2 * number + columns] // 4 + 90

film = Film(width, height, Fraction(30), ())
coded = encode_segment(film, Segment(CLIP, 0, 0, 24), draw, Encoding())
print(hashlib.sha256(coded.to_bytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 72), (72, 128), (360, 640)])
def test_bytes_do_not_depend_on_what_lay_in_memory(size: tuple[int, int]) -> None:
    """Upright frames, whose rows are no multiple of 8 macroblocks, once did, with AVX-512."""
    command = [sys.executable, "-c", _SCRIPT, *map(str, size)]
    seen = {
        # glibc fills what it hands out with this
        subprocess.run(
            command, env={**os.environ, "MALLOC_PERTURB_": fill}, check=True, capture_output=True
        ).stdout
        for fill in ("1", "85", "170")
    }
    assert len(seen) == 1
