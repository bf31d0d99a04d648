"""Keeps training's large tensors in the process instead of giving them back at every step."""

import ctypes
import ctypes.util

# <malloc.h> of glibc
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_memory() -> bool:
    """Tell glibc to reuse freed memory for good; return whether there is a glibc to tell.

    By default every activation map of some megabytes is mapped anew and handed back, and the
    kernel clears its pages each time: up to half of a training step's time on a CPU.
    """
    name = ctypes.util.find_library("c")
    if name is None or not hasattr(ctypes.CDLL(name), "mallopt"):
        return False
    mallopt = ctypes.CDLL(name).mallopt
    wanted = {_M_MMAP_THRESHOLD: 2**31 - 1, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 2**28}
    return all([mallopt(option, value) == 1 for option, value in wanted.items()])
