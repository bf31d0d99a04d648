"""A model that can be called: named arrays in, named arrays out."""

import os
from collections.abc import Callable
from functools import cache, partial
from math import prod
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from serving.card import BATCH
from serving.errors import ModelFailed, OutOfMemory
from serving.models.runtime import cuda_devices
from serving.task import Inputs, Outputs

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
_LARGE_VALUES = 3 * 320 * 320  # of an item: beyond, what lies between layers is hundreds of MB
# as ONNX Runtime's CUDA provider and its arena say it
_OUT_OF_MEMORY = ("Failed to allocate memory", "out of memory", "CUDNN_STATUS_ALLOC_FAILED")


class Session(Protocol):
    """Anything that maps named arrays to named arrays, as its card states them."""

    def __call__(self, inputs: Inputs) -> Outputs:
        """Run the model; ModelFailed if it breaks on these inputs."""
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
    model : the file's bytes
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
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._run_options = _giving_back() if self._is_large() else None

    @property
    def batched(self) -> bool:
        """Say whether the graph names `n` as the first dimension of every input."""
        return all(node.shape[:1] == [BATCH] for node in self._session.get_inputs())

    @property
    def device(self) -> str:
        """Return `cuda` or `cpu`, as it came out."""
        return "cuda" if "CUDA" in self._session.get_providers()[0] else "cpu"

    def __call__(self, inputs: Inputs) -> Outputs:
        """Run the model; ModelFailed if it breaks on these inputs."""
        try:
            arrays = self._session.run(self._outputs, dict(inputs), self._run_options)
        except _BROKEN as error:
            full = any(words in str(error) for words in _OUT_OF_MEMORY)
            raise (OutOfMemory if full else ModelFailed)(str(error)) from error
        except ValueError as error:  # an input is missing, or is not one of the model's
            raise ModelFailed(str(error)) from error
        return dict(zip(self._outputs, arrays, strict=True))

    def _is_large(self) -> bool:
        sizes = (node.shape[1:] for node in self._session.get_inputs())
        items = (prod(side for side in shape if isinstance(side, int)) for shape in sizes)
        return self.device == "cpu" and max(items, default=0) >= _LARGE_VALUES


def _giving_back() -> ort.RunOptions:
    """Return options by which ONNX Runtime keeps no memory after a call.

    Its arena never shrinks by itself: U2-Netp, which is 5 MB, held 900 MB in every process once
    three photos of 320 px had gone through it. Giving them back costs it a quarter more time.
    """
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


class SparingSession:
    """Halves a batch for which the GPU has no room; one item that has none goes to the CPU.

    For models whose inputs and outputs all have the batch as their first dimension; what cannot be
    halved goes to the CPU as it is.

    Parameters
    ----------
    gpu : raises OutOfMemory when it is full
    open_cpu : opens the same model on the CPU, the first time that it is needed
    batched : whether the first dimension of every input is the batch
    """

    def __init__(self, gpu: Session, open_cpu: Callable[[], Session], batched: bool = True) -> None:
        self._gpu, self._on_cpu, self._batched = gpu, cache(open_cpu), batched

    def __call__(self, inputs: Inputs) -> Outputs:
        """Run the batch, in parts if need be; ModelFailed if the model breaks on it."""
        try:
            return self._gpu(inputs)
        except OutOfMemory:
            count = len(next(iter(inputs.values()))) if self._batched else 1
            if count == 1:
                return self._on_cpu()(inputs)
        half = count // 2
        first = self({name: array[:half] for name, array in inputs.items()})
        rest = self({name: array[half:] for name, array in inputs.items()})
        return {name: np.concatenate([first[name], rest[name]]) for name in first}


def open_session(model: bytes, threads: int = 1) -> Session:
    """Open a model where it runs best here; ModelFailed if it is not one."""
    session = OnnxSession(model, threads)
    if session.device == "cpu":
        return session
    on_cpu = partial(OnnxSession, model, threads, gpu=False)
    return SparingSession(session, on_cpu, session.batched)
