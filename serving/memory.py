"""How this process's allocator treats freed memory."""

import ctypes
import ctypes.util
from collections.abc import Mapping

# <malloc.h> of glibc
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8


def bound_memory() -> bool:
    """Give large buffers back as soon as they are free; return whether there is a glibc to tell.

    By default each freed buffer of up to 32 MB raises the size below which glibc keeps what is
    freed, and every thread has an arena to keep it in: after some large photos a service holds
    half as much memory again, for good.

    Once that size is set, glibc gives even the top 128 KiB of an arena back at once, and each small
    picture is put together anew from cleared pages; so a few megabytes there may stay.
    """
    return tune_malloc({MMAP_THRESHOLD: 4 * 2**20, TRIM_THRESHOLD: 8 * 2**20, ARENA_MAX: 2})


def tune_malloc(options: Mapping[int, int]) -> bool:
    """Set options of `mallopt(3)`; return whether glibc is there and took them all."""
    name = ctypes.util.find_library("c")
    if name is None or not hasattr(ctypes.CDLL(name), "mallopt"):
        return False
    mallopt = ctypes.CDLL(name).mallopt
    return all([mallopt(option, value) == 1 for option, value in options.items()])
