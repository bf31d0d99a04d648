"""One training run, from rows to a network: warm-up, fine-tuning, averaging."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import Logger
from torch import Tensor

from training.config import TrainingConfig
from training.devices import uses_gpu
from training.loop.memory import keep_memory
from training.module import Trained
from training.recipe import Rows, Training

LAST = "last.ckpt"
Config = TypeVar("Config", bound=TrainingConfig)

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def fit(
    training: Training[Config],
    rows: Rows,
    config: Config,
    folder: Path,
    logger: Logger | None = None,
) -> Trained:
    """Train on the rows of `train`, watching those of `validation`.

    Parameters
    ----------
    training : what the model has of its own
    folder : keeps a checkpoint per epoch; a run that was ended goes on from the last one there
    logger : of Lightning, for curves
    """
    keep_memory()
    L.seed_everything(config.seed, workers=True, verbose=False)
    last = folder / LAST
    module = training.make_module(rows, config, fresh=not last.exists())
    if config.epochs:
        trainer = build_trainer(config, folder, logger)
        module.train()
        data = training.make_data(rows, config)
        trainer.fit(module, data, ckpt_path=str(last) if last.exists() else None)
    return Trained(module.to_serve().cpu().eval(), module.spec, module.outputs)


@dataclass(frozen=True)
class Average:
    """Exponential moving average of weights that forgets the first steps sooner.

    A class, because torch's own function cannot be sent to the processes of a parallel run.
    """

    decay: float

    def __call__(self, averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        """Return the new average after `steps` earlier ones."""
        if not averaged.is_floating_point():  # a BatchNorm that is not folded counts its batches
            return current
        decay = min(self.decay, (1 + int(steps)) / (10 + int(steps)))
        return averaged.lerp(current, 1 - decay)


def build_trainer(config: TrainingConfig, folder: Path, logger: Logger | None) -> L.Trainer:
    """Return a trainer for this machine: all GPUs in 16 bits, or the CPU in 32."""
    gpu = uses_gpu(config)
    devices = config.devices or (torch.cuda.device_count() if gpu else 1)
    checkpoint = ModelCheckpoint(
        folder, Path(LAST).stem, save_on_train_epoch_end=True, enable_version_counter=False
    )
    callbacks: list[L.Callback] = [checkpoint, TQDMProgressBar(refresh_rate=10)]
    if config.average_decay:
        callbacks.append(WeightAveraging(avg_fn=Average(config.average_decay)))
    if logger is not None:
        callbacks.append(LearningRateMonitor("step"))
    return L.Trainer(
        accelerator="gpu" if gpu else "cpu",
        devices=devices,
        # spawned, because a Dagster step has no script that could be started again
        strategy="ddp_spawn" if devices > 1 else "auto",
        precision="16-mixed" if gpu else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=2.0,
        logger=logger or False,
        callbacks=callbacks,
        enable_model_summary=False,
        default_root_dir=tempfile.gettempdir(),
        log_every_n_steps=10,
        num_sanity_val_steps=0,
    )
