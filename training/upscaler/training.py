"""How the upscaler is trained: what the loop asks of it."""

import lightning as L
import numpy as np

from serving.card import BATCH, ArrayInput, ArraySpec
from serving.task import Inputs
from training.loop.loaders import Loaders, read_image
from training.module import Trained
from training.recipe import Rows
from training.upscaler.config import UpscalerConfig
from training.upscaler.module import UpscalerModule
from training.upscaler.network import Served, build_chain
from training.upscaler.samples import Crops, Draw, spread

_VALIDATED = 48  # photos, of which the same crops are drawn each time


class UpscalerTraining:
    """The steps of `training.recipe.Training`."""

    def make_module(self, rows: Rows, config: UpscalerConfig, fresh: bool) -> UpscalerModule:
        """Return a network that knows nothing, and begins as the nearest pixel."""
        del rows, fresh
        chain = build_chain(config.channels, config.depth, config.expansion)
        return UpscalerModule(Served(chain), pixels_spec(), config)

    def make_data(self, rows: Rows, config: UpscalerConfig) -> L.LightningDataModule:
        """Return crops of photos to learn from, and of fewer to validate on."""
        draw = Draw.of(config)
        train = Crops(spread(rows.train, config.large_repeats), draw)
        held = list(rows.validation["uri"])
        step = max(1, len(held) // _VALIDATED)
        return Loaders(train, Crops(held[::step], draw, config.seed + 1), config)

    def sample_inputs(self, trained: Trained, rows: Rows, config: UpscalerConfig) -> Inputs:
        """Return crops of photos to learn from, as the model's input."""
        del trained
        some = rows.train["uri"].sample(
            max(1, config.calibration_crops // config.crops), replace=True, random_state=config.seed
        )
        draw, random = Draw.of(config), np.random.default_rng(config.seed)
        drawn = [draw.pairs(read_image(uri), random)[0] for uri in some]
        return {"pixels": np.concatenate(drawn)}


def pixels_spec() -> ArrayInput:
    """Return the contract of the input: RGB of any size."""
    spec = ArraySpec(name="pixels", dtype="uint8", shape=(BATCH, "height", "width", 3))
    return ArrayInput(arrays=(spec,))
