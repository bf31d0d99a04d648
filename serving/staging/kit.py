"""A design kit: what a style puts into a room, of which sizes, in which materials.

A value that is read from YAML or asked for by API, so it is checked here; where its files lie is
the business of `serving.kits`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from serving.requests.base import NO_NUL

RoomType = Literal["living_room", "bedroom", "dining_room", "office", "kitchen"]
Role = Literal[
    "sofa", "armchair", "coffee_table", "side_table", "bed", "bedside_table", "dining_table",
    "dining_chair", "desk", "office_chair", "sideboard", "shelf", "floor_lamp", "table_lamp",
    "plant", "picture", "rug",
]  # fmt: skip
ROOM_TYPES: tuple[RoomType, ...] = get_args(RoomType)
# What a room of each type is arranged around.
ANCHORS: Mapping[RoomType, Role] = {
    "living_room": "sofa", "bedroom": "bed", "dining_room": "dining_table", "office": "desk",
    "kitchen": "dining_table",
}  # fmt: skip
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def _colour(value: str) -> str:
    if not _COLOUR.fullmatch(value):
        raise ValueError(f"a colour is written #rrggbb in lower case, not {value!r}")
    return value


Colour = Annotated[str, AfterValidator(_colour)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
# a kit is kept as JSON, and one such character in it stops every query that looks into kits
Text = Annotated[str, Field(pattern=NO_NUL)]
Centimetres = Annotated[float, Field(gt=0.5, le=600)]
Licence = Literal["CC0-1.0", "CC-BY-4.0", "Apache-2.0", "proprietary"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Finish(_Part):
    """What a surface is made of.

    Attributes
    ----------
    colour : sRGB; of a texture that is tinted, what its mean becomes
    texture : name of a picture that repeats, `texture_cm` of it to a tile
    tinted : whether the texture takes the colour, or keeps its own
    """

    colour: Colour
    roughness: float = Field(0.7, ge=0.05, le=1)
    metallic: float = Field(0, ge=0, le=1)
    texture: Name | None = None
    texture_cm: Centimetres = 60
    tinted: bool = True


class Piece(_Part):
    """A piece of furniture: a mesh, its size and the finish of each of its parts.

    Attributes
    ----------
    size_cm : width, height and depth, seen from the front
    finishes : names of the kit's finishes by names of the mesh's parts; `*` is for all others
    """

    role: Role
    title: Text = Field(min_length=2, max_length=60)
    mesh: Name
    size_cm: tuple[Centimetres, Centimetres, Centimetres]
    finishes: Mapping[Text, Name]
    licence: Licence
    source: Text = Field(min_length=2, max_length=200)

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Width, height and depth in metres."""
        width, height, depth = self.size_cm
        return width / 100, height / 100, depth / 100


class Kit(_Part):
    """Everything of one style.

    Attributes
    ----------
    palette : colours that tell the style, the most used first
    floor, wall : finishes of a room that is restyled
    pieces : by their SKU
    rooms : what each type of room gets: SKUs by role, tried in this order
    """

    id: Name
    version: int = Field(ge=1)
    title: Text = Field(min_length=2, max_length=60)
    description: Text = Field(max_length=400)
    licence: Licence
    palette: tuple[Colour, ...] = Field(min_length=3, max_length=8)
    finishes: Mapping[Name, Finish]
    floor: Name
    wall: Name
    pieces: Mapping[Name, Piece]
    rooms: Mapping[RoomType, Mapping[Role, tuple[Name, ...]]]

    @property
    def name(self) -> str:
        """The kit and its version, as a plan names it."""
        return f"{self.id}@{self.version}"

    def of_role(self, room_type: RoomType, role: Role) -> tuple[str, ...]:
        """Return the SKUs of a role in a type of room, in the order in which they are tried."""
        return self.rooms.get(room_type, {}).get(role, ())

    @model_validator(mode="after")
    def _check_finishes(self) -> Self:
        asked = {self.floor, self.wall}
        asked |= {name for piece in self.pieces.values() for name in piece.finishes.values()}
        if missing := sorted(asked - self.finishes.keys()):
            raise ValueError(f"finishes that the kit does not have: {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _check_rooms(self) -> Self:
        for room_type, roles in self.rooms.items():
            if not roles.get(ANCHORS[room_type]):
                raise ValueError(f"{room_type} has no {ANCHORS[room_type]} to be arranged around")
            for role, skus in roles.items():
                wrong = [sku for sku in skus if self._role_of(sku) != role]
                if wrong:
                    raise ValueError(f"{room_type}: no {role} in the kit: {', '.join(wrong)}")
        return self

    def _role_of(self, sku: str) -> Role | None:
        return self.pieces[sku].role if sku in self.pieces else None
