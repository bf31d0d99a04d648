"""What is done for each kind of job: plain functions from a `Run` to the job's result."""

from collections.abc import Mapping

from serving.workflows.classify import classify_photos
from serving.workflows.run import Workflow

WORKFLOWS: Mapping[str, Workflow] = {"classify_photos": classify_photos}
