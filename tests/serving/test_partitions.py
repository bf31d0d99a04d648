import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert, select, text

from serving.db.canary_tables import Prediction
from serving.db.migrate import downgrade, upgrade
from serving.db.partitions import drop_partitions, make_partitions

TODAY = datetime.now(UTC).replace(hour=12)


def put(engine: Engine, at: datetime) -> None:
    row = {"task": "t", "slot": "champion", "version": "1", "content_sha256": "a" * 64}
    with engine.begin() as connection:
        connection.execute(
            insert(Prediction).values(row | {"listing_key": "h", "answer": {"x": 1}, "at": at})
        )


def rows_of(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(text(table))) or 0


def name_of(day: datetime) -> str:
    return f"predictions_{day:%Y%m%d}"


def test_today_and_the_next_days_have_a_partition(engine: Engine) -> None:
    made = make_partitions(engine)
    assert made == [name_of(TODAY + timedelta(days=ahead)) for ahead in range(4)]
    assert make_partitions(engine) == []
    put(engine, TODAY)
    assert rows_of(engine, name_of(TODAY)) == 1
    with engine.connect() as connection:
        indexes = connection.scalars(
            text("SELECT count(*) FROM pg_indexes WHERE tablename = :name"), {"name": made[0]}
        ).one()
    assert indexes == 6, "a day has every index of the table"


def test_rows_without_a_day_are_moved_when_it_gets_one(engine: Engine) -> None:
    put(engine, TODAY)
    put(engine, TODAY - timedelta(days=5))
    assert rows_of(engine, "predictions_other") == 2
    assert len(make_partitions(engine)) == 5
    assert rows_of(engine, "predictions_other") == 0
    assert rows_of(engine, name_of(TODAY - timedelta(days=5))) == 1
    assert rows_of(engine, "predictions") == 2


def test_days_beyond_the_setting_are_dropped_whole(engine: Engine) -> None:
    make_partitions(engine)
    put(engine, TODAY)
    put(engine, TODAY - timedelta(days=10))
    make_partitions(engine)
    put(engine, TODAY - timedelta(days=40))
    put(engine, TODAY - timedelta(days=40))
    assert drop_partitions(engine, kept_days=10) == 2
    assert rows_of(engine, "predictions") == 2
    assert drop_partitions(engine, kept_days=9) == 1
    with engine.connect() as connection:
        gone = connection.scalar(
            text("SELECT to_regclass(:n)"), {"n": name_of(TODAY - timedelta(days=10))}
        )
    assert gone is None
    assert rows_of(engine, "predictions") == 1


def test_several_processes_make_and_drop_days_at_once_while_rows_come(engine: Engine) -> None:
    for days in range(8):
        put(engine, TODAY - timedelta(days=days))
    failed: list[BaseException] = []

    def keep_house() -> None:
        try:
            make_partitions(engine)
            drop_partitions(engine, kept_days=4)
        except BaseException as error:
            failed.append(error)
            raise

    def write() -> None:
        for _ in range(30):
            put(engine, TODAY)

    threads = [threading.Thread(target=target) for target in (keep_house,) * 3 + (write,) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    make_partitions(engine)
    assert rows_of(engine, "predictions") == 60 + 5
    assert rows_of(engine, "predictions_other") == 0


@pytest.mark.parametrize("days", [1, 90])
def test_nothing_of_today_is_dropped(engine: Engine, days: int) -> None:
    put(engine, TODAY)
    make_partitions(engine)
    assert drop_partitions(engine, days) == 0
    assert rows_of(engine, "predictions") == 1


def test_days_made_before_a_column_was_added_keep_their_rows_and_have_it_too(
    engine: Engine,
) -> None:
    downgrade(engine, "0008")
    make_partitions(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO predictions (task, slot, version, content_sha256, listing_key, answer)"
                " VALUES ('t', 'champion', '1', repeat('a', 64), 'h', '{}')"
            )
        )
    upgrade(engine)
    put(engine, TODAY)
    put(engine, TODAY - timedelta(days=5))
    make_partitions(engine)
    with engine.connect() as connection:
        shifts = connection.scalars(select(Prediction.shift)).all()
    assert shifts == [None] * 3
    assert rows_of(engine, name_of(TODAY)) == 2
