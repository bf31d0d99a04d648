"""A model that can be called: uint8 pixels in, float32 logits out."""

import os
from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from serving.errors import ModelFailed, OutOfMemory
from serving.image import Image
from serving.models.runtime import cuda_devices

Logits = NDArray[np.float32]

# ONNX Runtime's errors share no base but Exception.
_BROKEN = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)
# as ONNX Runtime's CUDA provider and its arena say it
_OUT_OF_MEMORY = ("Failed to allocate memory", "out of memory", "CUDNN_STATUS_ALLOC_FAILED")


class Session(Protocol):
    """Anything that maps uint8 (n, height, width, 3) to float32 logits (n, labels)."""

    def __call__(self, pixels: Image) -> Logits:
        """Run the batch; ModelFailed if the model breaks on it."""
        ...


def gpu_available() -> bool:
    """Say whether ONNX Runtime can reach a CUDA device here."""
    # the runtime for GPUs names CUDA on every machine, with a GPU or without
    return "CUDAExecutionProvider" in ort.get_available_providers() and cuda_devices() > 0


def cores() -> int:
    """Return the number of CPU cores this process may use."""
    return len(os.sched_getaffinity(0))


class OnnxSession:
    """An ONNX model in ONNX Runtime: on CUDA where there is one, else on the CPU.

    Parameters
    ----------
    model : the file's bytes; one input, uint8 (n, height, width, 3), one output (n, labels)
    threads : per call on the CPU. With 1, calls from several threads share the cores at the least
        cost per photo; more shortens a single call.
    gpu : whether to use one that is there

    Raises
    ------
    ModelFailed
        If the bytes are not a model this machine can run.
    """

    def __init__(self, model: bytes, threads: int = 1, gpu: bool = True) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # an idle pool that spins burns the core another photo could use
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        wanted = ["CUDAExecutionProvider"] if gpu and gpu_available() else []
        if wanted:
            ort.preload_dlls()  # CUDA and cuDNN lie in wheels, where the loader does not look
        try:
            self._session = ort.InferenceSession(
                model, options, providers=[*wanted, "CPUExecutionProvider"]
            )
        except _BROKEN as error:
            raise ModelFailed(str(error)) from error
        self._input = self._session.get_inputs()[0].name

    @property
    def device(self) -> str:
        """Return `cuda` or `cpu`, as it came out."""
        return "cuda" if "CUDA" in self._session.get_providers()[0] else "cpu"

    def __call__(self, pixels: Image) -> Logits:
        """Run the batch; ModelFailed if the model breaks on it."""
        try:
            logits: Logits = self._session.run(None, {self._input: pixels})[0]
        except _BROKEN as error:
            full = any(words in str(error) for words in _OUT_OF_MEMORY)
            raise (OutOfMemory if full else ModelFailed)(str(error)) from error
        return logits


class SparingSession:
    """Halves a batch for which the GPU has no room; one photo that has none goes to the CPU.

    Parameters
    ----------
    gpu : raises OutOfMemory when it is full
    open_cpu : opens the same model on the CPU, the first time that it is needed
    """

    def __init__(self, gpu: Session, open_cpu: Callable[[], Session]) -> None:
        self._gpu, self._on_cpu = gpu, cache(open_cpu)

    def __call__(self, pixels: Image) -> Logits:
        """Run the batch, in parts if need be; ModelFailed if the model breaks on it."""
        try:
            return self._gpu(pixels)
        except OutOfMemory:
            if len(pixels) == 1:
                return self._on_cpu()(pixels)
        half = len(pixels) // 2
        return np.concatenate([self(pixels[:half]), self(pixels[half:])])


def open_session(model: bytes, threads: int = 1) -> Session:
    """Open a model where it runs best here; ModelFailed if it is not one."""
    session = OnnxSession(model, threads)
    if session.device == "cpu":
        return session
    return SparingSession(session, lambda: OnnxSession(model, threads, gpu=False))
