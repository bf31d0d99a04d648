"""What Dagster loads: everything below `defs/`, found rather than listed."""

from pathlib import Path

import dagster as dg

import dagster_project.defs


@dg.definitions
def definitions() -> dg.Definitions:
    """Return all assets, checks, jobs, schedules, sensors and resources."""
    return dg.load_defs(dagster_project.defs, project_root=Path(__file__).parents[1])
