"""Which libLLVM compiles the kernels of the renderer: one that is new enough, or none.

LLVM ends the process when it cannot compile what it is given, and versions before 17 cannot compile
what the renderer asks of them (seen with 14 and 15: "Cannot select"). Dr.Jit itself takes whichever
it finds first.
"""

import re
from collections.abc import Iterable
from pathlib import Path

OLDEST = 17
PLACES = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib/llvm-*/lib", "/usr/local/lib", "/lib64",
          "/opt/homebrew/opt/llvm*/lib")  # fmt: skip
_VERSION = re.compile(r"libLLVM(?:-|\.so\.|\.)(\d+)")


def find_llvm(places: Iterable[str] = PLACES) -> Path | None:
    """Return the newest libLLVM that is new enough; None where there is none."""
    found = [
        (version, path)
        for place in places
        for path in Path("/").glob(f"{place.removeprefix('/')}/libLLVM*")
        if (version := version_of(path.name)) is not None and version >= OLDEST
    ]
    return max(found)[1] if found else None


def version_of(name: str) -> int | None:
    """Return the version that a library's file name tells; None if it tells none.

    Examples
    --------
    >>> version_of("libLLVM-15.so.1"), version_of("libLLVM.so.19.1"), version_of("libLLVM.so")
    (15, 19, None)
    """
    said = _VERSION.search(name)
    return int(said[1]) if said else None
