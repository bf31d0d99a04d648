"""Draws what happens to a photo, alone or several things in their natural order."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from serving.image import Image
from serving.photos.quality.parts import CAUSES
from training.photo_quality import degrade
from training.photo_quality.severity import amount_of, severity_of

ORDER = ("upscale", "blur", "motion", "under", "over", "cast", "noise", "contrast", "webp", "jpeg")
MOTION_SHARE = 0.25  # a path of L px blurs like a Gaussian of L/4
_CLEAN, _MIXED, _SAVED_WELL = 0.12, 0.3, 0.5
_LEAST, _MOST = 0.03, 0.93
# Of light alone: exposure, the hardest to tell from a dark room, twice as often.
_LIGHT = ("under", "over", "contrast", "cast", "under", "over", "cast")
_UNMEASURED = 0.1  # of samples of light that are noisy, or blurred, as well
_LARGE = 900  # px of the long side from which a photo is also shown as a part of itself
_KEPT_COMPRESSION = 0.7  # of what the file's header admits, still seen in its pixels


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
            self.note("blur", severity)
            self.note("motion", severity)
        elif kind == "cast":
            strength = amount_of("cast", severity)
            self.photo, (red, blue) = degrade.tint(self.photo, strength, rng)
            self.targets["red"], self.targets["blue"] = red, blue
        else:
            amount = amount_of(kind, severity)
            self.photo = degrade.SIMPLE[kind](self.photo, amount, rng)
            self.note("compression" if kind in ("jpeg", "webp") else kind, severity)
            if kind == "upscale":
                self.note("blur", severity_of("blur", 0.4 * np.sqrt(amount**2 - 1)))

    def note(self, target: str, severity: float) -> None:
        """Remember the worst that was done of one thing."""
        self.targets[target] = max(self.targets[target], severity)

    def values(self) -> list[float]:
        """Return the targets in the order of CAUSES."""
        return [self.targets[name] for name in CAUSES]


def draw(photo: Image, compression: float, rng: np.random.Generator) -> Sample:
    """Show a photo in some way, and do something to it, or nothing.

    Parameters
    ----------
    compression : severity that the photo's own file admits
    """
    shown, whole = _show(photo, rng)
    sample = Sample(shown)
    for kind in _kinds(rng):
        sample.apply(kind, float(rng.uniform(_LEAST, _MOST)), rng)
    if rng.random() < _SAVED_WELL:
        sample.apply("jpeg", severity_of("jpeg", rng.uniform(85, 99)), rng)
    if whole:
        sample.note("compression", _KEPT_COMPRESSION * compression)
    return sample


def draw_light(photo: Image, rng: np.random.Generator) -> Sample:
    """Change the light of a photo, or nothing; noise and blur may come along unmeasured."""
    sample = Sample(np.ascontiguousarray(photo[:, ::-1]) if rng.random() < 0.5 else photo)
    chance = rng.random()
    count = 0 if chance < 0.1 else 1 if chance < 0.75 else 2
    kinds = set(rng.choice(_LIGHT, count).tolist())
    if kinds == {"under", "over"}:
        kinds = {"under"}
    for kind in sorted(kinds, key=ORDER.index):
        sample.apply(kind, float(rng.uniform(_LEAST, _MOST)), rng)
    for kind in ("noise", "blur"):
        if rng.random() < _UNMEASURED:
            sample.apply(kind, float(rng.uniform(0.05, 0.8)), rng)
    return sample


def _show(photo: Image, rng: np.random.Generator) -> tuple[Image, bool]:
    """Return the photo at some size, mirrored or leaning or a part of it; and if unscaled."""
    large = max(photo.shape[:2]) > _LARGE
    scale = float(rng.choice([1.0, 1.0, 1.0, 0.75, 0.5] if large else [1.0, 1.0, 0.7]))
    if scale < 1:
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        photo = np.asarray(small, np.uint8)
    if rng.random() < 0.5:
        photo = np.ascontiguousarray(photo[:, ::-1])
    if rng.random() < 0.3:
        photo = degrade.turn(photo, float(rng.normal(0, 2)))
    if large and rng.random() < 0.8:
        photo = _part(photo, float(rng.uniform(0.45, 0.8)), rng)
    return photo, scale == 1


def _part(photo: Image, share: float, rng: np.random.Generator) -> Image:
    height, width = (int(side * share) for side in photo.shape[:2])
    y = int(rng.integers(0, photo.shape[0] - height + 1))
    x = int(rng.integers(0, photo.shape[1] - width + 1))
    return np.ascontiguousarray(photo[y : y + height, x : x + width])


def _kinds(rng: np.random.Generator) -> list[str]:
    chance = rng.random()
    if chance < _CLEAN:
        return []
    count = 1 if chance < 1 - _MIXED else int(rng.integers(2, 4))
    return sorted(rng.choice(ORDER, count, replace=False).tolist(), key=ORDER.index)
