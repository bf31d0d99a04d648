"""The style of a film's letters, as a template's YAML says it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Part = Annotated[float, Field(ge=0, le=1)]
Font = Literal["sans-regular", "sans-bold", "serif-regular", "serif-bold", "display-regular"]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Strict(BaseModel):
    """A value of a template: a word that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TitleStyle(Strict):
    """Letters of titles, captions and cards."""

    font: Font = "sans-bold"
    text_font: Font = "sans-regular"
    colour: Colour = "#ffffff"
    accent: Colour = Field("#c8a45c", description="replaced by the brand's colour when it has one")
    card: Colour = Field("#16181d", description="background of cards")
    size: float = Field(0.075, ge=0.02, le=0.2, description="of the frame's shorter side")
    uppercase: bool = False
    align: Literal["centre", "start"] = "centre"
    box: Part = Field(0.0, description="opacity of the box behind lower thirds")
