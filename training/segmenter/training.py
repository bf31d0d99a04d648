"""How the segmenter is trained: what the loop asks of it."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
from torch.utils.data import ConcatDataset, Dataset

from serving.environment import read_settings
from serving.image.squeeze import to_pixels
from serving.perception.classes import CLASSES
from serving.task import Inputs
from training.loop.backbone import input_spec
from training.loop.kept import KeptArrays
from training.loop.loaders import Loaders, read_image
from training.module import Trained
from training.recipe import Rows
from training.segmenter.config import SegmenterConfig
from training.segmenter.dataset import teacher_of
from training.segmenter.drawn import draw_rooms
from training.segmenter.module import SegmenterModule, parts_of
from training.segmenter.network import build_network
from training.segmenter.samples import DrawnViews, Sample, SqueezedPhotos, TaughtPhotos, View


class SegmenterTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: SegmenterConfig, fresh: bool) -> SegmenterModule:
        """Return the encoder with the weights it begins with, and a decoder that knows nothing."""
        del rows
        net, encoder = build_network(
            config.backbone,
            config.weights if fresh else "none",
            len(CLASSES),
            config.width,
            config.frozen_stages,
        )
        spec = input_spec(encoder, config.side)
        net.to(memory_format=torch.channels_last)
        return SegmenterModule(parts_of(spec, net), spec, config)

    def make_data(self, rows: Rows, config: SegmenterConfig) -> L.LightningDataModule:
        """Return photos with what the teacher says of them, and drawn rooms with their truth."""
        teacher = teacher_of(rows.dataset)
        squeezed = squeezed_photos(config.kept_side)
        view = View(config.train_side, config.least_crop)
        parts: list[Dataset[Sample]] = [TaughtPhotos(records(rows.train), teacher, squeezed, view)]
        if config.drawn_scenes:
            parts.append(DrawnViews(draw_rooms(config.drawn_scenes), view))
        whole = View(config.side, None)
        validation = TaughtPhotos(records(rows.validation), teacher, squeezed, whole)
        return Loaders(ConcatDataset(parts), validation, config)  # type: ignore[arg-type] # triples

    def sample_inputs(self, trained: Trained, rows: Rows, config: SegmenterConfig) -> Inputs:
        """Return some photos to learn from, as the model's input."""
        del trained
        chosen = rows.train["uri"].sample(
            config.calibration_photos, random_state=config.seed, replace=True
        )
        side = config.side
        return {
            "pixels": np.stack([to_pixels(read_image(uri, side), side, side) for uri in chosen])
        }


def squeezed_photos(side: int) -> SqueezedPhotos:
    """Return photos as squares of `side` px, kept in STUDIO_HOME."""
    return SqueezedPhotos(KeptArrays(read_settings().home() / "squeezed" / str(side)), side)


def records(rows: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return a table's rows one by one."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
