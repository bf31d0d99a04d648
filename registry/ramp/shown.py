"""Pages in MLflow that show kept pictures: none shows one for longer than it is kept.

`put_page` remembers which pictures a page shows before it puts it there. `take_out` looks which of
those are kept no more, by their age or because a client had a listing erased, and puts the page in
its place anew without them. MLflow may be away meanwhile: what is to be taken out stays known.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from registry.runs import log_text
from serving.db.canary_tables import KeptPhoto, PagePicture

_AT_ONCE = 4
_FIGURE = re.compile(r"<!--picture ([0-9a-f]+)-->.*?<!--/picture-->\n?", re.DOTALL)
_GONE = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True)
class Place:
    """Where a page lies: a file of a run in MLflow."""

    run_id: str
    file: str

    @contextmanager
    def held(self, engine: Engine) -> Iterator[None]:
        """Keep others from putting the page anew meanwhile."""
        with engine.begin() as connection:
            key = func.hashtextextended(f"page/{self.run_id}/{self.file}", 0)
            connection.execute(select(func.pg_advisory_xact_lock(key)))
            yield

    def forget(self, connection: Connection, keys: Iterable[str]) -> None:
        """Forget that the page shows these pictures."""
        mine = PagePicture.run_id == self.run_id, PagePicture.file == self.file
        connection.execute(delete(PagePicture).where(*mine, PagePicture.object_key.in_(keys)))

    def shown(self, engine: Engine) -> set[str]:
        """Return the pictures that the page is known to show."""
        mine = PagePicture.run_id == self.run_id, PagePicture.file == self.file
        with engine.connect() as connection:
            return set(connection.scalars(select(PagePicture.object_key).where(*mine)))


def mark_of(object_key: str) -> str:
    """Return what a picture is called within a page, which tells nothing of it."""
    return sha256(object_key.encode()).hexdigest()[:24]


def put_page(
    client: MlflowClient, engine: Engine, place: Place, page: str, keys: Iterable[str]
) -> None:
    """Put a page in its place.

    Parameters
    ----------
    keys : of the kept pictures that it shows, each between comments with its `mark_of`
    """
    now = set(keys)
    with place.held(engine):
        before = place.shown(engine)
        rows = [{"run_id": place.run_id, "file": place.file, "object_key": key} for key in now]
        if rows:
            with engine.begin() as connection:
                connection.execute(insert(PagePicture).on_conflict_do_nothing(), rows)
        log_text(client, place.run_id, place.file, page)
        with engine.begin() as connection:
            place.forget(connection, before - now)


def take_out(client: MlflowClient, engine: Engine, most: int = _AT_ONCE) -> list[Place]:
    """Take pictures that are kept no more out of some pages; return which pages.

    Raises
    ------
    MlflowException, OSError
        A page cannot be had or put back now. What was done stays done.
    """
    pages = _find_outdated(engine, most)
    for place in pages:
        with place.held(engine):
            gone = place.shown(engine) - _kept(engine, place)
            page = _read(client, place)
            if page is not None:
                log_text(client, place.run_id, place.file, without(page, map(mark_of, gone)))
            with engine.begin() as connection:
                place.forget(connection, gone)
    return pages


def without(page: str, marks: Iterable[str]) -> str:
    """Return a page without the pictures of those marks, and what was said of them.

    Examples
    --------
    >>> page = "<p><!--picture 1a--><img><!--/picture--><!--picture 2b--><b><!--/picture--></p>"
    >>> without(page, ["1a"])
    '<p><!--picture 2b--><b><!--/picture--></p>'
    """
    gone = set(marks)
    return _FIGURE.sub(lambda found: "" if found[1] in gone else found[0], page)


def _find_outdated(engine: Engine, most: int) -> list[Place]:
    kept = select(KeptPhoto.object_key).where(KeptPhoto.object_key == PagePicture.object_key)
    found = (
        select(PagePicture.run_id, PagePicture.file)
        .where(~kept.exists())
        .group_by(PagePicture.run_id, PagePicture.file)
        .order_by(func.random())  # one that cannot be had holds up no others
        .limit(most)
    )
    with engine.connect() as connection:
        return [Place(*row) for row in connection.execute(found)]


def _kept(engine: Engine, place: Place) -> set[str]:
    mine = PagePicture.run_id == place.run_id, PagePicture.file == place.file
    found = select(KeptPhoto.object_key).join(
        PagePicture, PagePicture.object_key == KeptPhoto.object_key
    )
    with engine.connect() as connection:
        return set(connection.scalars(found.where(*mine)))


def _read(client: MlflowClient, place: Place) -> str | None:
    """Return a page as it lies in MLflow; None if somebody has removed it."""
    try:
        if place.file not in {one.path for one in client.list_artifacts(place.run_id)}:
            return None
    except MlflowException as error:
        if error.error_code == _GONE:
            return None
        raise
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(place.run_id, place.file, folder)).read_text()
