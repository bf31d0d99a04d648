"""What any request may say about how its job is done."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from serving.requests.base import NO_NUL


def _to_utc(at: datetime) -> datetime:
    """Return the same moment in a zone that every part of us knows; some offsets few do."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


class JobOptions(BaseModel):
    """What any request may say about how it is done."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    in_background: bool = Field(
        False, alias="async", description="answer 202 at once and call back when it is done"
    )
    listing_id: str | None = Field(None, max_length=200, pattern=NO_NUL, examples=["42"])
    priority: int = Field(
        0, ge=-100, le=100, description="of a job: above 0 what somebody waits for, below it bulk"
    )
    run_at: Annotated[AwareDatetime, AfterValidator(_to_utc)] | None = Field(
        None, description="of a job: not before"
    )
