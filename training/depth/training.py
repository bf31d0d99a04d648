"""How the depth model is trained: what the loop asks of it."""

import lightning as L
import numpy as np
import torch

from serving.task import Inputs
from training.depth.config import DepthConfig
from training.depth.module import DepthModule, parts_of
from training.depth.network import build_depth_network
from training.depth.samples import DrawnViews, Look
from training.loop.backbone import input_spec
from training.loop.loaders import Loaders
from training.loop.predict import sample_pixels
from training.module import Trained
from training.recipe import Rows


class DepthTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: DepthConfig, fresh: bool) -> DepthModule:
        """Return the encoder with the weights it begins with, and a decoder that knows nothing."""
        del rows
        weights = config.weights if fresh else "none"
        net, encoder = build_depth_network(
            config.backbone, weights, config.width, config.frozen_stages
        )
        size = {"height": config.height, "width": config.breadth}
        spec = input_spec(encoder).model_copy(update=size)
        net.to(memory_format=torch.channels_last)
        return DepthModule(parts_of(spec, net), spec, config)

    def make_data(self, rows: Rows, config: DepthConfig) -> L.LightningDataModule:
        """Return the views to learn from, varied, and those to validate on, as they are."""
        varied = Look(config.train_height, config.train_breadth, config.least_crop)
        whole = Look(config.height, config.breadth, None)
        train, validation = (list(some["uri"]) for some in (rows.train, rows.validation))
        return Loaders(DrawnViews(train, varied), DrawnViews(validation, whole), config)

    def sample_inputs(self, trained: Trained, rows: Rows, config: DepthConfig) -> Inputs:
        """Return some views to learn from, as the model's input."""
        pixels = sample_pixels(rows.train, trained.spec, config.calibration_views, config.seed)
        return {"pixels": np.ascontiguousarray(pixels)}
