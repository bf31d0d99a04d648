"""The resources that assets ask for by name."""

import dagster as dg

from dagster_project.studio import Studio, values_io_manager


@dg.definitions
def resources() -> dg.Definitions:
    """Bind the names that assets ask for."""
    studio = Studio()
    return dg.Definitions(
        resources={"studio": studio, "io_manager": values_io_manager(studio.settings())}
    )
