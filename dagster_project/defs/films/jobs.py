"""The jobs that run batches of films and clips."""

import dagster as dg

from dagster_project.batches.run import JOB_TAGS
from dagster_project.defs.films.assets import listing_films, warm_clips

render_films = dg.define_asset_job(
    "render_films",
    selection=dg.AssetSelection.assets(listing_films),
    description="The films of a day's batch, made by the workers behind what people wait for.",
    executor_def=dg.in_process_executor,
    tags=JOB_TAGS,
)
warm_up_clips = dg.define_asset_job(
    "warm_up_clips",
    selection=dg.AssetSelection.assets(warm_clips),
    description="Clips of a day's batch, so that who asks for one later gets it at once.",
    executor_def=dg.in_process_executor,
    tags=JOB_TAGS,
)
