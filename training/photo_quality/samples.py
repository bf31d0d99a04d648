"""Draws what happens to a photo, alone or several things in their natural order."""

from dataclasses import dataclass, field

import numpy as np

from serving.image import Image
from serving.photos.quality.parts import CAUSES
from training.photo_quality import degrade
from training.photo_quality.severity import amount_of, severity_of

ORDER = ("upscale", "blur", "motion", "under", "over", "cast", "noise", "contrast", "webp", "jpeg")
_CLEAN, _MIXED = 0.12, 0.3
MOTION_SHARE = 0.25  # a path of L px blurs like a Gaussian of L/4


@dataclass
class Sample:
    """A photo and what was done to it.

    Attributes
    ----------
    targets : severities 0..1 by name; red and blue are log ratios with a sign
    """

    photo: Image
    targets: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0.0))

    def apply(self, kind: str, severity: float, rng: np.random.Generator) -> None:
        """Make the photo worse by one thing and note how much."""
        if kind == "motion":
            sigma_px = amount_of("blur", severity)
            self.photo = degrade.move(self.photo, sigma_px / MOTION_SHARE, rng)
            self._note("blur", severity)
            self._note("motion", severity)
        elif kind == "cast":
            strength = amount_of("cast", severity)
            self.photo, (red, blue) = degrade.tint(self.photo, strength, rng)
            self.targets["red"], self.targets["blue"] = red, blue
        else:
            amount = amount_of(kind, severity)
            self.photo = degrade.SIMPLE[kind](self.photo, amount, rng)
            self._note("compression" if kind in ("jpeg", "webp") else kind, severity)
            if kind == "upscale":
                self._note("blur", severity_of("blur", 0.4 * np.sqrt(amount**2 - 1)))

    def _note(self, target: str, severity: float) -> None:
        self.targets[target] = max(self.targets[target], severity)


def draw(photo: Image, rng: np.random.Generator, saved: float = 0.5) -> Sample:
    """Do something to a photo, or nothing.

    Parameters
    ----------
    saved : share that is saved as a good JPEG afterwards
    """
    sample = Sample(photo)
    for kind in _kinds(rng):
        sample.apply(kind, float(rng.uniform(0.03, 0.93)), rng)
    if rng.random() < saved:
        sample.apply("jpeg", severity_of("jpeg", rng.uniform(85, 99)), rng)
    return sample


def _kinds(rng: np.random.Generator) -> list[str]:
    chance = rng.random()
    if chance < _CLEAN:
        return []
    count = 1 if chance < 1 - _MIXED else int(rng.integers(2, 4))
    return sorted(rng.choice(ORDER, count, replace=False), key=ORDER.index)
