"""What `datasets/music` says: what is drawn, and what is expected of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.data.expectations import Count, FrozenRules, Range, Share


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DrawnSource(_Described):
    """Music or sounds of one origin.

    Attributes
    ----------
    name : a cast of instruments of `synthetic.music.tracks`, or `beatless`
    split : which split its sounds are for, all of them
    each : how many of every kind
    seconds : how long each track is; sounds without beats have lengths of their own
    """

    name: Literal["known", "held_out", "fresh", "beatless"]
    split: Literal["validation", "test"]
    each: Annotated[int, Field(gt=0)]
    seconds: Annotated[float, Field(ge=5)] = 30.0
    licence: str = "own"


class MusicManifest(_Described):
    """All sources of the dataset, in their order."""

    sources: tuple[DrawnSource, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> "MusicManifest":
        if len({source.name for source in self.sources}) < len(self.sources):
            raise ValueError("two sources have the same name, and would draw the same sounds")
        return self


class SoundRules(_Described):
    """About the sounds one by one; `bpm` and `beats` are of those that have a beat."""

    enough: Count
    no_exact_copy: Share
    bpm: Range
    beats: Range
    length_s: Range
    level_db: Range


class MusicExpectations(_Described):
    """All thresholds of the dataset."""

    sounds: SoundRules
    frozen_test: FrozenRules
