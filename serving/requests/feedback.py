"""What may be said of an answer: which is right, or that it is accepted or rejected."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from serving.requests.base import NO_NUL, StrictModel

MOST_ITEMS = 500
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class FeedbackItem(StrictModel):
    """What somebody says of the answer about one photo."""

    task: Name = Field(description="of the model", examples=["room-classifier"])
    photo: Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)] | None = Field(
        None,
        description="the key or URL that was asked about, or `sha256:…` as the answer names a body",
        examples=["listings/42/kitchen.jpg"],
    )
    content_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="of the photo's bytes, instead of `photo`"
    )
    listing_id: Name | None = Field(None, description="where the photo is of several listings")
    job_id: UUID | None = Field(None, description="the job that answered; else the last answer")
    correct: Name | None = Field(
        None, description="what the answer should have been: a label", examples=["kitchen"]
    )
    accepted: bool | None = Field(
        None, description="whether the answer was right; follows from `correct` where that is said"
    )
    said_by: Name | None = Field(
        None, description="who says so, as the client knows people: no name is needed"
    )

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if (self.photo is None) == (self.content_sha256 is None):
            raise ValueError("either `photo` or `content_sha256` says which photo is meant")
        if self.correct is None and self.accepted is None:
            raise ValueError("`correct` or `accepted` says what is right")
        return self


class FeedbackRequest(StrictModel):
    """What is said of one answer, or of many in `items`."""

    items: list[FeedbackItem] = Field(min_length=1, max_length=MOST_ITEMS)
