"""What was observed of answers is forgotten on its day, and not before."""

import numpy as np
from sqlalchemy import Engine, text

from serving.jobs.retention import Retention
from serving.models.kept_photos import PhotoKeeper
from serving.models.observe import Bad, Observer, Picture
from serving.settings import Settings
from serving.storage.objects import Storage
from tests.serving.models.observations import BESIDE, about, observed

_TIMES = {
    "predictions": "at",
    "exposures": "first_at",
    "bad_events": "at",
    "kept_photos": "at",
    "observed_batches": "at",
    "ramp_listings": "seen_at",
}


def see(engine: Engine, storage: Storage, listing: str) -> None:
    observer = Observer(engine, storage, 2**24, 0.0, PhotoKeeper(engine, storage, 1.0))
    picture = Picture(np.full((16, 16, 3), 90, np.uint8), (40, 60))
    observer.observe(observed(listing, picture=picture))
    observer.observe_bad(Bad(about(listing), BESIDE, "error"))
    observer.close()
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ramp_listings (task, version, listing_key) VALUES ('t', '2', :key)"),
            {"key": listing},
        )


def age(engine: Engine, days: int) -> None:
    with engine.begin() as connection:
        for table, column in _TIMES.items():
            back = f"{column} - make_interval(days => {days})"
            connection.execute(text(f"UPDATE {table} SET {column} = {back}"))


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in _TIMES
        }


def test_observations_and_small_pictures_go_by_their_days(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    kept = settings.model_copy(update={"predictions_kept_days": 20, "kept_photos_days": 10})
    see(engine, storage, "old")
    age(engine, 12)
    see(engine, storage, "new")
    retention = Retention(kept, engine, storage)
    assert retention.tidy(10).counts == {"observed_batches": 1, "kept_photos": 1}
    assert len(list(storage.keys("kept/"))) == 1
    assert counts(engine)["predictions"] == 2
    age(engine, 9)  # the old ones are 21 days old now, the new ones 9
    removed = retention.tidy(10).counts
    assert removed == {
        "observed_batches": 1,
        "predictions": 1,
        "exposures": 1,
        "bad_events": 1,
        "ramp_listings": 1,
    }
    assert counts(engine) == dict.fromkeys(_TIMES, 1) | {"observed_batches": 0}
    assert retention.tidy(10).counts == {}


def test_the_day_of_tomorrow_is_made_while_house_is_kept(
    settings: Settings, engine: Engine, storage: Storage
) -> None:
    Retention(settings, engine, storage).tidy(10)
    with engine.connect() as connection:
        made = connection.scalar(
            text("SELECT to_regclass('predictions_' || to_char(now() AT TIME ZONE 'UTC' + "
                 "interval '1 day', 'YYYYMMDD'))")
        )  # fmt: skip
    assert made is not None
