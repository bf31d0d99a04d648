"""Where beats may be in music: the task `beat-tracker`."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import TypeAdapter

from serving.audio.bars import BAR_EVIDENCE
from serving.audio.features import FEATURES, FRAMES_PER_S, Weights
from serving.audio.metrical_level import LEVEL_EVIDENCE
from serving.audio.samples import Samples
from serving.card import ArraySpec, ModelCard, Sequence
from serving.encoded import Encoded
from serving.errors import ModelUnavailable
from serving.task import Inputs, Outputs, Size, check_arrays

COLUMNS = ("beat", "downbeat", "neither")


@dataclass(frozen=True)
class BeatAnswer:
    """What the network hears.

    Attributes
    ----------
    probabilities : float32 (frames, 3), 50 frames a second: beat, downbeat, neither
    """

    probabilities: Encoded


@dataclass(frozen=True, eq=False)
class SoundFeatures:
    """What the network is asked about: `network_features` of a piece, float32 (frames, 272)."""

    features: Samples

    @cached_property
    def sha256(self) -> str:
        """Return the hash of the features."""
        return hashlib.sha256(np.ascontiguousarray(self.features).tobytes()).hexdigest()

    @property
    def size(self) -> Size:
        """Return the number of frames."""
        return (len(self.features),)

    @property
    def nbytes(self) -> int:
        """Return how much memory the features take."""
        return int(self.features.nbytes)

    def apart(self) -> "SoundFeatures":
        """Return the same: nothing of it changes."""
        return self


class BeatTracker:
    """The task: features of a whole piece; a probability of beats for every frame.

    Its card carries the weights by which the metrical level and the bars are chosen, since they
    were fitted to what this network says.
    """

    name = "beat-tracker"
    answer = TypeAdapter(BeatAnswer)

    def prepare(self, source: SoundFeatures, card: ModelCard) -> Inputs:
        """Return `features`, float32 (frames, 272)."""
        del card
        return {"features": source.features}

    def read(self, outputs: Outputs, card: ModelCard, size: Size) -> BeatAnswer:
        """Read `probabilities`, float32 (frames, 3)."""
        del card, size
        return BeatAnswer(Encoded.of_map(outputs["probabilities"].astype(np.float32)))

    def check(self, outputs: Outputs, card: ModelCard) -> None:
        """Judge that there are three probabilities a frame, and weights for all that is weighed."""
        spec = ArraySpec(name="probabilities", dtype="float32", shape=("frames", len(COLUMNS)))
        check_arrays(outputs, [spec], self.name)
        output = card.output_as(Sequence)
        if output.columns != COLUMNS or output.rate_hz != FRAMES_PER_S:
            reason = f"it gives {output.columns} at {output.rate_hz} Hz, not {COLUMNS} at 50"
            raise ModelUnavailable(self.name, reason)
        weights_of(card)


def weights_of(card: ModelCard) -> Weights:
    """Return the weights that the card carries; ModelUnavailable where one is missing."""
    level, bars = (np.array(card.parameters.get(name, ()), float) for name in ("level", "bars"))
    if level.shape != (LEVEL_EVIDENCE,) or bars.shape != (BAR_EVIDENCE,):
        reason = (
            f"its card has {level.size} weights of levels and {bars.size} of bars, where "
            f"{LEVEL_EVIDENCE} and {BAR_EVIDENCE} are needed"
        )
        raise ModelUnavailable(BeatTracker.name, reason)
    return Weights(level, bars)


def input_spec() -> ArraySpec:
    """Return the array that the network takes."""
    return ArraySpec(name="features", dtype="float32", shape=("frames", FEATURES))


BEAT_TRACKER = BeatTracker()
