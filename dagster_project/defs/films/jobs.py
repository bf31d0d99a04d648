"""The jobs that run batches of films and clips."""

from dagster_project.batches.asset import batch_job
from dagster_project.defs.films.assets import listing_films, warm_clips

render_films = batch_job(
    "render_films",
    listing_films,
    "The films of a day's batch, made by the workers behind what people wait for.",
)
warm_up_clips = batch_job(
    "warm_up_clips",
    warm_clips,
    "Clips of a day's batch, so that who asks for one later gets it at once.",
)
