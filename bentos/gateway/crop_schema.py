"""What `POST /internal/photos/crop` is asked and answers."""

from pydantic import BaseModel

from serving.models.crop_results import CropResult
from serving.models.results import FailedResult
from serving.requests.crop import CropInput
from serving.requests.options import JobOptions


class CropRequest(CropInput, JobOptions):
    """Photos to crop: keys or URLs of objects in the configured storage, or allowed URLs."""


class CropsAnswer(BaseModel):
    """One result per photo, in the order sent."""

    results: list[CropResult | FailedResult]
