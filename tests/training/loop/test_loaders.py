"""What reads examples beside the training."""

import subprocess
import sys

_SCRIPT = """
import cv2, numpy as np
from training.loop.loaders import load

cv2.setNumThreads(4)
cv2.GaussianBlur(np.zeros((3000, 3000, 3), np.uint8), (0, 0), 5)  # the pool's threads begin
print(sum(int(batch.sum()) for batch in load(list(range(8)), 2, 2)))
"""


def test_workers_begin_after_opencv_had_threads_of_its_own() -> None:
    """A forked worker once waited for ever for threads that only its parent had."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "28", done.stderr[-2000:]
