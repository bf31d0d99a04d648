"""Mitsuba 3 and Open Image Denoise, imported when they are first needed.

Both come by the extra `render`. Mitsuba traces on an NVIDIA GPU where there is one, else it
compiles for the processor, which needs libLLVM (Debian: libllvm19); without that it takes many
times as long.
"""

import logging
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from serving.errors import ModelUnavailable
from serving.render.rooms.llvm import OLDEST, find_llvm
from serving.staging.furnish.scene import Light

log = logging.getLogger(__name__)
GPU, FAST, PLAIN = "cuda_ad_rgb", "llvm_ad_rgb", "scalar_rgb"
_NAMED = "DRJIT_LIBLLVM_PATH"  # where Dr.Jit looks first


class RendererMissing(ModelUnavailable):
    """What traces rooms is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__("rendering of rooms", f"{package} is missing; install the extra `render`")


@cache
def engine() -> Any:  # noqa: ANN401  (Mitsuba ships no types)
    """Return Mitsuba with the fastest variant that runs here.

    Raises
    ------
    RendererMissing
        If Mitsuba is not installed, or none of its variants runs.
    """
    try:
        import mitsuba
    except ImportError as error:
        raise RendererMissing("mitsuba") from error
    for variant in _variants():
        if _runs(mitsuba, variant):
            return mitsuba
    raise RendererMissing("a working variant of mitsuba")


def _variants() -> Iterator[str]:
    """Yield the variants that may run here, the fastest first."""
    import drjit

    if drjit.has_backend(drjit.JitBackend.CUDA):
        yield GPU
    if _choose_llvm():
        yield FAST
    yield PLAIN


def _choose_llvm() -> bool:
    """Name a libLLVM that will do, unless somebody named one; say whether there is one."""
    if os.environ.get(_NAMED):
        return True
    found = find_llvm()
    if found is None:
        log.warning("rooms are traced slowly: no libLLVM from %d on (Debian: libllvm19)", OLDEST)
        return False
    os.environ[_NAMED] = str(found)
    return True


def _runs(mitsuba: Any, variant: str) -> bool:  # noqa: ANN401
    try:
        mitsuba.set_variant(variant)
        mitsuba.load_dict({"type": "rectangle"})
        str(mitsuba.Float(1.0) + mitsuba.Float(2.0))  # compiles, which is what fails without LLVM
    except (ImportError, RuntimeError) as error:
        log.warning("mitsuba's variant %s does not run here: %s", variant, error)
        return False
    return True


def is_fast() -> bool:
    """Say whether a variant runs that compiles what it traces."""
    return str(engine().variant()) != PLAIN


def clean(light: Light, albedo: Light, normals: Light) -> Light:
    """Take the grain out of traced light, (h, w, 3) each; albedo and normals guide.

    Raises
    ------
    RendererMissing
        If pyoidn is not installed.
    """
    try:
        import pyoidn
    except ImportError as error:
        raise RendererMissing("pyoidn") from error
    layers = (np.ascontiguousarray(layer, np.float32) for layer in (light, albedo, normals))
    color, surface, facing = layers
    return np.asarray(pyoidn.denoise(color, albedo=surface, normal=facing, hdr=True), np.float32)
