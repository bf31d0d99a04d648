"""How the detector is trained: what the loop asks of it."""

from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import nn

from serving.card import FramedInput
from serving.image.frame import place
from serving.task import Inputs
from training.detector.coco import learned_labels
from training.detector.config import DetectorConfig
from training.detector.dataset import teachers_of
from training.detector.module import DetectorModule
from training.detector.network import Served, build_network
from training.detector.samples import PAD, Samples, View, rendered_rooms, taught_photos
from training.loop.backbone import input_spec
from training.loop.loaders import Loaders, read_image
from training.module import Trained
from training.recipe import Rows


class DetectorTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: DetectorConfig, fresh: bool) -> DetectorModule:
        """Return the encoder with the weights it begins with, and heads that know nothing."""
        del rows
        labels = learned_labels(bool(config.synthetic))
        weights = config.weights if fresh else "none"
        net, encoder = build_network(
            config.backbone, weights, len(labels), config.width, config.frozen_stages
        )
        spec = frame_spec(encoder, config.side)
        net.to(memory_format=torch.channels_last)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
        return DetectorModule(Served(net, config.side, mean, std), spec, config)

    def make_data(self, rows: Rows, config: DetectorConfig) -> L.LightningDataModule:
        """Return photos with what the teachers agree on, and rendered rooms if there are any."""
        teachers, labels = teachers_of(rows.dataset), learned_labels(bool(config.synthetic))
        varied, whole = (
            View(side, least_crop, labels)
            for side, least_crop in ((config.train_side, config.least_crop), (config.side, None))
        )
        train = taught_photos(rows.train, teachers)
        if config.synthetic:
            train += rendered_rooms(Path(config.synthetic))
        held = Samples(taught_photos(rows.validation, teachers), whole)
        return Loaders(Samples(train, varied), held, config)  # type: ignore[arg-type] # triples

    def sample_inputs(self, trained: Trained, rows: Rows, config: DetectorConfig) -> Inputs:
        """Return some photos to learn from, as the model's input."""
        del trained
        some = rows.train.sample(config.calibration_photos, replace=True, random_state=config.seed)
        return {"pixels": np.stack([_frame(uri, config.side) for uri in some["uri"]])}


def frame_spec(encoder: nn.Module, side: int) -> FramedInput:
    """Return the contract of the input of a network over a timm encoder."""
    pixels = input_spec(encoder, side)
    return FramedInput(height=side, width=side, pad=PAD, mean=pixels.mean, std=pixels.std)


def _frame(uri: str, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    photo = read_image(uri)
    size = (photo.shape[0], photo.shape[1])
    return place(size, (side, side), "centred").fill(photo, PAD)
