"""How the toy task is trained: one number, by which a dark camera's pixels are made brighter."""

from collections.abc import Mapping
from typing import Any, cast

import lightning as L
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from serving.card import ArrayInput, Score
from serving.image import PhotoFile
from serving.image.squeeze import to_pixels
from serving.models.session import OnnxSession
from serving.task import Inputs
from tests.toy_task.task import BRIGHTNESS, SIDE, Brightness, brightness_card
from training.candidate import Candidate, Report, Uncalibrated
from training.config import Dimension, TrainingConfig
from training.loop.intervals import bootstrap, flatten
from training.loop.loaders import Loaders, read_image, read_source
from training.module import TaskModule, Trained
from training.recipe import Dataset, Headline, Recipe, Rows, TrainingPlan

WEIGHTS = (0.25, 0.5, 0.25)
SPEC = cast("ArrayInput", brightness_card().input)


class ToyConfig(TrainingConfig):
    """The toy has no settings of its own."""


class Net(nn.Module):
    """Two inputs, two outputs: each channel's mean, and the weighted sum at each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([0.5]))

    def forward(self, pixels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 (n, h, w, 3) and float32 (n, 3) to (n, 3) and (n, h, w)."""
        lit = pixels.to(torch.float32) * self.gain
        return lit.mean(dim=(1, 2)), (lit * weights[:, None, None, :]).sum(dim=3)


class Module(TaskModule):
    """Learns to be as bright as the photo is."""

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Compare the mean over pixels with the true brightness."""
        pixels, truth = batch
        weights = torch.tensor(WEIGHTS, device=pixels.device).expand(len(pixels), 3)
        _, light = self.served(pixels, weights)
        loss = nn.functional.l1_loss(light.mean(dim=(1, 2)) / 255, truth / 100)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, *_: object) -> None:
        """Watch nothing."""


def read_pixels(rows: pd.DataFrame) -> NDArray[np.uint8]:
    """Return photos as the model's input `pixels`."""
    return np.stack([to_pixels(read_image(uri, SIDE), SIDE, SIDE) for uri in rows["uri"]])


def true_brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what the model has to find, 0..100, (n,)."""
    brightness: NDArray[np.float64] = (pixels.mean(axis=(1, 2)) @ np.array(WEIGHTS)) / 2.55
    return brightness


class ToyTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: ToyConfig, fresh: bool) -> Module:  # noqa: ARG002
        """Return a network that is half as bright as it should be."""
        return Module(Net(), SPEC, config, outputs=("means", "light"))

    def make_data(self, rows: Rows, config: ToyConfig) -> L.LightningDataModule:
        """Return photos with their brightness."""
        train, validation = (
            torch.utils.data.TensorDataset(
                torch.from_numpy(pixels := read_pixels(part)),
                torch.from_numpy(true_brightness(pixels)).float(),
            )
            for part in (rows.train, rows.validation)
        )
        return Loaders(train, validation, config)  # type: ignore[arg-type] # tuples of tensors

    def sample_inputs(self, trained: Trained, rows: Rows, config: ToyConfig) -> Inputs:  # noqa: ARG002
        """Return some photos."""
        return _inputs(rows.train.head(32))


def _inputs(rows: pd.DataFrame) -> Inputs:
    return {
        "pixels": read_pixels(rows),
        "weights": np.tile(np.array(WEIGHTS, np.float32), (len(rows), 1)),
    }


class ToyEvaluation:
    """The steps of `training.recipe.Evaluation`."""

    def calibrate(self, exported: Uncalibrated, rows: Rows) -> Candidate:
        """State the parts, and the weights that `prepare` reads."""
        output = Score(parts=("red", "green", "blue"))
        card = exported.card(BRIGHTNESS.name, output, {"weights": WEIGHTS})
        error = -self._scores(exported.model, rows.validation).mean()
        return Candidate(exported.model, card, float(error))

    def score(
        self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset
    ) -> NDArray[np.float64]:
        """Return minus the error of each photo's brightness, on the scale 0..1."""
        del dataset
        return self._scores(candidate.model, rows)

    def source(self, row: Mapping[str, Any]) -> PhotoFile:
        """Return the row's photo."""
        return read_source(row)

    def evaluate(self, candidate: Candidate, rows: pd.DataFrame, dataset: Dataset) -> Report:
        """Return the mean error with its interval."""
        scores = self.score(candidate, rows, dataset)
        error = bootstrap(lambda some: float(-scores[some].mean()), len(scores))
        return Report(flatten({"test/error": error}), scores, on_card=("test/error",))

    def _scores(self, model: bytes, rows: pd.DataFrame) -> NDArray[np.float64]:
        inputs = _inputs(rows)
        light = OnnxSession(model)(inputs)["light"]
        error = light.mean(axis=(1, 2)) / 2.55 - true_brightness(inputs["pixels"])
        scores: NDArray[np.float64] = -np.abs(error) / 100
        return scores


TOY: Recipe[Brightness] = Recipe(
    task=BRIGHTNESS,
    dataset="brightness",
    headline=Headline("error", higher_is_better=False),
    evaluation=ToyEvaluation,
    made_by=TrainingPlan(
        ToyConfig(epochs=20, batch_size=8, learning_rate=0.05, workers=0, average_decay=0.0),
        ToyConfig(epochs=1, workers=0, photos_per_label=10),
        (Dimension("learning_rate", 1e-3, 1e-1, log=True),),
        ToyTraining,
        quantised=False,
    ),
)
