import subprocess
import sys

import pytest

from serving.memory import tune_malloc

GROWTH = """
import ctypes, psutil, numpy as np
from serving.memory import bound_memory
{call}
ctypes.CDLL(None).free.argtypes = [ctypes.c_void_p]
# a buffer of 30 MB that comes and goes makes glibc keep what is freed below that size
np.ones(30 * 2**20, np.uint8)
kept = []
for _ in range(8):
    kept.append((np.ones(6 * 2**20, np.uint8), np.ones(64, np.uint8)))
small = [pair[1] for pair in kept]
before = psutil.Process().memory_info().rss
del kept
print(before - psutil.Process().memory_info().rss)
"""


def freed(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", GROWTH.format(call=call)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not tune_malloc({}), reason="no glibc")
def test_what_large_photos_took_is_given_back() -> None:
    assert freed("bound_memory()") > 40 * 2**20
