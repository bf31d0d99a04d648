"""What is done for each kind of job: plain functions from a `Run` to the job's result."""

from collections.abc import Mapping
from importlib import import_module

from serving.db.tables import Json
from serving.workflows.classify import classify_photos
from serving.workflows.run import Run, Workflow


def _lazily(module: str, name: str) -> Workflow:
    """Return a workflow whose libraries are loaded at its first job: a worker is there sooner."""

    def workflow(run: Run) -> Json:
        found: Workflow = getattr(import_module(f"serving.workflows.{module}"), name)
        return found(run)

    return workflow


WORKFLOWS: Mapping[str, Workflow] = {
    "classify_photos": classify_photos,
    "analyze_photos": _lazily("analysis", "analyze_photos"),
    "crop_photos": _lazily("crops", "crop_photos"),
    "analyze_audio": _lazily("analyze", "analyze_audio"),
    "enhance_photos": _lazily("enhance", "enhance_photos"),
    "stage_photos": _lazily("staging", "stage_photos"),
    "generate_clip": _lazily("clip", "generate_clip"),
    "render_video": _lazily("film", "render_video"),
    "recall_version": _lazily("recall", "recall_version"),
    "draw_kit": _lazily("kit_pictures", "draw_kit"),
    "recall_listing": _lazily("recall", "recall_listing"),
}
