"""How the finisher is trained: what the loop asks of it."""

import lightning as L

from serving.card import PhotoInput
from serving.task import Inputs
from training.loop.loaders import Loaders
from training.loop.predict import sample_pixels
from training.module import Trained
from training.photo_finisher.config import FinisherConfig
from training.photo_finisher.module import FinisherModule
from training.photo_finisher.network import FinisherNet, Served
from training.photo_finisher.samples import Pairs
from training.recipe import Rows

_MIDDLE = 127.5


class FinisherTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: FinisherConfig, fresh: bool) -> FinisherModule:
        """Return a network that changes nothing yet."""
        del rows, fresh
        spec = PhotoInput(
            height=config.side, width=config.side, mean=(_MIDDLE,) * 3, std=(_MIDDLE,) * 3
        )
        return FinisherModule(Served(FinisherNet(config.width, config.points)), spec, config)

    def make_data(self, rows: Rows, config: FinisherConfig) -> L.LightningDataModule:
        """Return parts of photos to learn from, and whole ones to validate on."""
        train, held = (list(some["uri"]) for some in (rows.train, rows.validation))
        varied = Pairs(train, config.side, config.least_crop, config.untouched_share)
        return Loaders(varied, Pairs(held, config.side, None, config.untouched_share), config)

    def sample_inputs(self, trained: Trained, rows: Rows, config: FinisherConfig) -> Inputs:
        """Return some photos to learn from, as the model's input."""
        return {
            "pixels": sample_pixels(rows.train, trained.spec, config.checked_photos, config.seed)
        }
