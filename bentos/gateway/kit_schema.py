"""The shapes of design kits on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from serving.kits.assets.prepare import Asset
from serving.kits.documents import SET_BY_US
from serving.kits.store import StoredKit
from serving.requests.photos import PhotoName
from serving.staging.kit import Colour, Kit
from serving.staging.palette import Swatch

PREFIX = "/internal/design-kits"

_FIELDS = {
    name: (field.annotation, field)
    for name, field in Kit.model_fields.items()
    if name not in SET_BY_US
}
# a kit as it is sent: its name is in the path, its version is counted
KitDocument = cast(
    type[BaseModel],
    create_model("KitDocument", __config__=ConfigDict(extra="forbid"), **cast(Any, _FIELDS)),
)


class AnyObject(RootModel[dict[str, Any]]):
    """A JSON object, checked by whoever knows what it is."""


class KitSummary(BaseModel):
    """A kit for choosing."""

    id: str = Field(examples=["scandinavian"])
    version: int
    built_in: bool = Field(description="whether it comes with the studio")
    title: str
    description: str
    licence: str
    palette: list[Colour]
    rooms: list[str] = Field(description="the types of rooms that it furnishes")
    pieces: int = Field(description="how many pieces of furniture it has")
    created_at: datetime | None = Field(description="null: it comes with the studio")
    previews: dict[str, str] = Field(
        description="pictures of rooms with it, by type of room; those of a kit of yours are drawn"
        " some minutes after it changed"
    )
    url: str
    page: str = Field(description="a page for people")

    @classmethod
    def of(cls, stored: StoredKit, pictures: Mapping[str, str]) -> Self:
        """Put a kit into the wire's shape; `pictures` as `KitStore.previews` has them."""
        return cls.model_validate(summarise(stored, pictures))


class KitList(BaseModel):
    """Kits in their newest versions: those of the studio, then yours."""

    kits: list[KitSummary]


class KitView(KitSummary):
    """A version of a kit."""

    versions: list[int] = Field(description="that there are, the newest first")
    kit: dict[str, Any] = Field(description="a `KitDocument`, as `PUT` takes it")
    assets: dict[str, Asset] = Field(description="what this version is made of")
    page_link: str | None = Field(description="opens the page without a key for some days")


class KitAssets(BaseModel):
    """What the next version of a kit may name, beside what comes with the studio."""

    assets: dict[str, Asset]


class PaletteRequest(BaseModel):
    """A picture whose colours are asked for."""

    model_config = ConfigDict(extra="forbid")

    photo: PhotoName
    colours: int = Field(5, ge=3, le=8)


class ColourShare(BaseModel):
    """A colour, and how much of the picture is nearest to it."""

    model_config = ConfigDict(from_attributes=True)

    colour: Colour = Field(examples=["#d8cbb6"])
    share: float = Field(ge=0, le=1)


class Palette(BaseModel):
    """The colours that tell a picture's style, the most used first."""

    palette: list[Colour]
    colours: list[ColourShare]

    @classmethod
    def of(cls, swatches: tuple[Swatch, ...]) -> Self:
        """Put colours into the wire's shape."""
        shares = [ColourShare.model_validate(swatch) for swatch in swatches]
        return cls(palette=[swatch.colour for swatch in swatches], colours=shares)


def summarise(stored: StoredKit, pictures: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a `KitSummary`."""
    kit, url = stored.kit, f"{PREFIX}/{stored.kit.id}"
    previews = {
        room: f"{url}/assets/{name}?version={kit.version}" for room, name in pictures.items()
    }
    return {
        "id": kit.id, "version": kit.version, "built_in": stored.built_in, "title": kit.title,
        "description": kit.description, "licence": kit.licence, "palette": list(kit.palette),
        "rooms": list(kit.rooms), "pieces": len(kit.pieces), "created_at": stored.created_at,
        "previews": previews, "url": url, "page": f"{url}/page",
    }  # fmt: skip


def view_of(
    stored: StoredKit, pictures: Mapping[str, str], versions: list[int], page_link: str | None
) -> KitView:
    """Put a version of a kit into the wire's shape."""
    kit = stored.kit.model_dump(mode="json", exclude=set(SET_BY_US))
    more = {"versions": versions, "kit": kit, "assets": stored.assets, "page_link": page_link}
    return KitView.model_validate(summarise(stored, pictures) | more)
