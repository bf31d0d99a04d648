"""What a model's session keeps of the machine between calls."""

import subprocess
import sys

from registry.bootstrap import STARTERS
from serving.perception.saliency import SALIENCY

_HELD = """
import sys
import numpy as np
from serving.models.session import OnnxSession

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

session = OnnxSession(open(sys.argv[1], "rb").read())
before = held()
session({sys.argv[2]: np.zeros((3, 320, 320, 3), np.uint8)})
print(held() - before)
"""


def test_a_network_of_large_pictures_gives_its_memory_back_after_a_call() -> None:
    model = STARTERS / SALIENCY.name / "model.onnx"
    done = subprocess.run(
        [sys.executable, "-c", _HELD, str(model), "pixels"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert float(done.stdout) < 200, "megabytes; an arena that never shrinks keeps 900"
