"""The one ONNX Runtime of this environment: `onnxruntime` or `onnxruntime-gpu`, never both.

Both packages install the same folder. With both, that of the later installation lies there, mixed
with what the other left; which is a matter of luck. pip cannot refuse it, so this does.
"""

import ctypes
from collections.abc import Container
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

_CPU, _GPU = "onnxruntime", "onnxruntime-gpu"


class RuntimeNotUsable(ImportError):
    """The environment holds no ONNX Runtime, or two of them; the message says what to install."""


def check_runtime(installed: Container[str] | None = None) -> None:
    """Raise RuntimeNotUsable unless exactly one ONNX Runtime is installed.

    Parameters
    ----------
    installed : names of packages; by default those of this environment
    """
    cpu, gpu = (_is_installed(name) if installed is None else name in installed
                for name in (_CPU, _GPU))  # fmt: skip
    if cpu and gpu:
        raise RuntimeNotUsable(
            f"{_CPU} and {_GPU} are both installed, and overwrite each other. Keep one of them:\n"
            f"  pip uninstall --yes {_CPU} {_GPU}\n"
            "  pip install --constraint constraints.txt '.[serve,gpu]'   # or '.[serve,cpu]'"
        )
    if not cpu and not gpu:
        raise RuntimeNotUsable(
            "no ONNX Runtime is installed. Install it with the extra `cpu`, or `gpu` for an NVIDIA "
            "GPU:\n  pip install --constraint constraints.txt '.[serve,cpu]'"
        )


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@cache
def cuda_devices() -> int:
    """Return how many GPUs NVIDIA's driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
