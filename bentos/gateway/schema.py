"""The shapes of requests and answers, as the OpenAPI document shows them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.models.results import FailedResult, RoomResult


class ClassifyRequest(BaseModel):
    """Photos to classify: keys or URLs of objects in the configured storage."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"photos": ["listings/42/kitchen.jpg"]}]},
    )

    photos: Annotated[list[str], Field(min_length=1)]


class ClassifyAnswer(BaseModel):
    """One result per photo, in the order sent."""

    results: list[RoomResult | FailedResult]


class ModelStatus(BaseModel):
    """A model that answers now."""

    task: str
    version: str
    slot: str
    demo: bool


class Status(BaseModel):
    """What this gateway serves with."""

    release: str
    serving: str = Field(description="inline, or service where models run on their own")
    models: list[ModelStatus]


class Health(BaseModel):
    """That the gateway answers at all."""

    status: str = "ok"
