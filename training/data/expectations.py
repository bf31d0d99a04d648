"""What the photos must be like: the thresholds of `expectations.yaml`, each with its reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.manifest import read_yaml

Fraction = Annotated[float, Field(ge=0, le=1)]


class _Thresholds(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Thresholds):
    """A threshold; a `warning` is reported, a `critical` one stops the training."""

    why: str = Field(min_length=10)
    severity: Literal["critical", "warning"] = "critical"


class Radius(Rule):
    """Bits in which two perceptual hashes of one picture may differ."""

    radius_bits: int = Field(ge=0, le=32)


class Count(Rule):
    """So many, at least."""

    at_least: int = Field(ge=0)


class Share(Rule):
    """What this share of the rows must be."""

    share: Fraction


class Range(Rule):
    """Bounds that this share of the rows must keep."""

    low: float | None = None
    high: float | None = None
    share: Fraction = 1.0

    @model_validator(mode="after")
    def _bounds_something(self) -> "Range":
        if self.low is None and self.high is None:
            raise ValueError("give `low`, `high` or both")
        return self


class Allowed(Share):
    """Values that this share of the rows must have."""

    allowed: tuple[str, ...] = Field(min_length=1)


class SourceCounts(Rule):
    """How many photos each class of a source has, and how far that may be off."""

    within: Fraction
    photos: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)


class PhotoRules(_Thresholds):
    """About the photos one by one."""

    enough: Count
    readable: Share
    label_known: Share
    one_label: Share
    no_exact_copy: Share
    no_near_copy: Share
    usable: Share
    sides_px: Range
    colour_mode: Allowed
    brightness: Range
    sharpness: Range


class ClassRules(_Thresholds):
    """About the labels of the taxonomy."""

    enough: Range
    balance: Range
    sharpness_ratio: Range


class SourceRules(_Thresholds):
    """About each class of each source."""

    counts: SourceCounts
    usable: Range


class FrozenRules(_Thresholds):
    """About the frozen test set."""

    present: Share


class Expectations(_Thresholds):
    """All thresholds of a dataset."""

    near_duplicates: Radius
    photos: PhotoRules
    classes: ClassRules
    sources: SourceRules
    frozen_test: FrozenRules


def read_expectations(folder: Path) -> Expectations:
    """Read `expectations.yaml` of a dataset's folder."""
    return read_yaml(folder / "expectations.yaml", Expectations)
