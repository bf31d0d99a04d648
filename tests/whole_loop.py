"""A recipe through the whole loop: a studio of small data, and a job that runs in this process."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from serving.settings import Settings

if TYPE_CHECKING:
    from training.recipe import Recipe


def point_to(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    photos: Path,
    datasets: Path,
    others: Mapping[str, object] | None = None,
) -> Settings:
    """Set an environment in which the project's own definitions find all this."""
    for name, value in {
        "STUDIO_HOME": settings.home(),
        "DATABASE_URL": settings.database_url,
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "STUDIO_DATA": photos,
        "STUDIO_DATASETS": datasets,
        **(others or {}),
    }.items():
        monkeypatch.setenv(name, str(value))
    return settings


def run_job(
    recipe: "Recipe[Any]",
    name: str,
    gates: Sequence[Path],
    config: Mapping[str, object] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job that the factory makes of a recipe.

    Parameters
    ----------
    gates : by which the version is judged
    config : of the step that trains; None: there is none
    """
    from dagster_project.defs.models.factory import model_definitions
    from dagster_project.studio import Studio, values_io_manager

    studio = Studio()
    values = values_io_manager(studio.settings())
    shared = dg.Definitions(resources={"studio": studio, "io_manager": values})
    job = dg.Definitions.merge(model_definitions(recipe), shared).resolve_job_def(name)
    files = {"files": [str(file) for file in gates]}
    ops: dict[str, object] = {f"{recipe.key}__registered_version_gates": {"config": files}}
    if config is not None:
        ops[f"{recipe.key}__trained_model"] = {"config": dict(config)}
    return job.execute_in_process(run_config={"ops": ops})
