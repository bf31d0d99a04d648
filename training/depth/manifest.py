"""What `datasets/depth` says: which rooms are drawn, and what is expected of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthetic.raycast.rooms import DrawnScene
from training.data.expectations import Count, FrozenRules, Range, Share


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RoomSource(_Described):
    """Scenes of one origin.

    Attributes
    ----------
    name : of the source
    part : which furniture the rooms hold, see `synthetic.raycast.rooms`
    split : which split its views are for, all of them
    first, count : numbers of its scenes
    views : pictures of each
    """

    name: str = Field(pattern=r"^[a-z_]+$")
    part: Literal["learned", "unseen"]
    split: Literal["train", "validation", "test"]
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(gt=0)]
    views: Annotated[int, Field(gt=0, le=16)] = 3
    licence: str = "own"

    def scenes(self) -> tuple[DrawnScene, ...]:
        """Return its scenes."""
        numbers = range(self.first, self.first + self.count)
        return tuple(DrawnScene(self.part, number, self.views) for number in numbers)


class RoomManifest(_Described):
    """All sources of the dataset, in their order.

    Attributes
    ----------
    furniture : folder of a Sweet Home 3D library, relative to STUDIO_DATA
    """

    furniture: str = "furniture"
    sources: tuple[RoomSource, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sources_differ(self) -> "RoomManifest":
        drawn = [scene for source in self.sources for scene in source.scenes()]
        if len({(scene.part, scene.number) for scene in drawn}) < len(drawn):
            raise ValueError("two sources draw the same scenes")
        for split in ("train", "validation"):
            parts = {source.part for source in self.sources if source.split == split}
            if parts - {"learned"}:
                raise ValueError(f"`{split}` would see furniture that the test alone may show")
        return self


class ViewRules(_Described):
    """About the views one by one; depths in metres."""

    enough: Count
    no_exact_copy: Share
    nearest_m: Range
    median_m: Range
    brightness: Range


class RoomExpectations(_Described):
    """All thresholds of the dataset."""

    views: ViewRules
    frozen_test: FrozenRules
