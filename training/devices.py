"""What a training runs on."""

import torch

from training.config import TrainingConfig


def uses_gpu(config: TrainingConfig) -> bool:
    """Say whether a training runs on GPUs here."""
    return config.accelerator in ("auto", "gpu") and torch.cuda.is_available()


def readers(config: TrainingConfig) -> int:
    """Return how many processes read data; 0: the one that learns does.

    On a CPU torch computes on every core and its threads wait for the slowest: processes that read
    beside them take longer than reading takes (a step of the segmenter 46 ms a photo, not 22).
    """
    return config.workers if uses_gpu(config) else 0
