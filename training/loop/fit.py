"""One training run, from labelled photos to a network: warm-up, fine-tuning, averaging."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    LearningRateMonitor,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn

from serving.card import PhotoInput
from training.loop.backbone import build_backbone, fold_batchnorm, freeze_early, input_spec
from training.loop.loaders import LabelledPhotos, RoomData, RoomPhotos, class_weights, load
from training.loop.memory import keep_memory
from training.room_classifier.augmentation import Augmentation
from training.room_classifier.config import TrainingConfig
from training.room_classifier.module import RoomClassifier
from training.room_classifier.warmup import warm_up

LAST = "last.ckpt"

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, and the contract of its pixels."""

    net: nn.Module
    spec: PhotoInput


def fit(
    train: LabelledPhotos,
    validation: LabelledPhotos,
    labels: int,
    config: TrainingConfig,
    folder: Path,
    logger: Logger | None = None,
) -> Trained:
    """Train on `train`, watching `validation`.

    Parameters
    ----------
    labels : how many there are
    folder : keeps a checkpoint per epoch; a run that was ended goes on from the last one there
    logger : of Lightning, for curves
    """
    keep_memory()
    L.seed_everything(config.seed, workers=True, verbose=False)
    net = build_backbone(config.backbone, labels, config.weights, config.dropout)
    spec = input_spec(net, config.side)
    if config.fold_batchnorm:
        fold_batchnorm(net)
    weights = class_weights(train.labels, labels, config.balance)
    module = RoomClassifier(net, spec, weights, config)
    last = folder / LAST
    if not last.exists():
        photos = RoomPhotos(train, config.side, Augmentation())
        loader = load(photos, 64, config.workers)
        warm_up(module.served, loader, labels, config.warmup_penalty)
    freeze_early(net, config.frozen_stages)
    if config.epochs:
        data = RoomData(train, validation, config)
        trainer = build_trainer(config, folder, logger)
        module.train()
        trainer.fit(module, data, ckpt_path=str(last) if last.exists() else None)
    return Trained(module.served.net.cpu().eval(), spec)


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
    gpu = config.accelerator in ("auto", "gpu") and torch.cuda.is_available()
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
