"""Films of many listings at once, and clips made ahead, by the usual workers."""

from dagster_project.batches.asset import BatchKind, batch_asset
from dagster_project.batches.run import Batch
from dagster_project.defs.films import show
from dagster_project.defs.films.manifest import read_clips, read_films

_MADE_WITH = frozenset({"postgres", "ffmpeg"})

listing_films = batch_asset(
    BatchKind(
        name="listing_films",
        description="The films that `batches/films/{day}.json` asks for; the workers render them "
        "as bulk.",
        group="films",
        kinds=_MADE_WITH,
        read=lambda studio, day, config: read_films(studio.storage(), day, config.retake),
        metadata=show.film_metadata,
        checks={show.no_photo_skipped: "Every photo that was sent could be read."},
        config=Batch,
    )
)
warm_clips = batch_asset(
    BatchKind(
        name="warm_clips",
        description="The clips that `batches/clips/{day}.json` asks for, made before somebody asks "
        "for one.",
        group="films",
        kinds=_MADE_WITH,
        read=lambda studio, day, config: read_clips(studio.storage(), day, config.retake),
        metadata=lambda made, _, page_of: show.clip_metadata(made, page_of),
        checks={},
        config=Batch,
    )
)
