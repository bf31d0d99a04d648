"""What requests are made of: models that refuse unknown fields, references to objects, texts."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serving.characters import is_blank

# a database cannot hold it, and a name cannot be meant to have it
NO_NUL = r"^[^\x00]*$"

Share = Annotated[float, Field(ge=0, le=1)]
Reference = Annotated[
    str, Field(min_length=1, max_length=4096, description="a key, or a URL that is allowed")
]


def _empty_if_blank(text: str) -> str:
    """Return the text, or an empty one where nothing of it would be drawn."""
    return "" if is_blank(text) else text


Text = Annotated[str, Field(max_length=300), AfterValidator(_empty_if_blank)]


class StrictModel(BaseModel):
    """A part of a request; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
