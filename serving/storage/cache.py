"""What model versions said of photos already: by content, task and version, shared by all."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cachetools import LRUCache
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from serving.db.tables import CachedAnswer, Json
from serving.errors import first_line
from serving.settings import Settings

log = logging.getLogger(__name__)

_READERS, _READ_S = 4, 0.5
_Key = tuple[str, str, str]
# how exact the order of eviction is; a write at every read would cost more than it saves
_TOUCH_AFTER = text("interval '1 hour'")
# answers of a version that is not published any more are kept for jobs that have it pinned
_STALE_AFTER = text("interval '1 day'")


def open_answers(settings: Settings, engine: Engine | None) -> "Answers | None":
    """Return the result cache; None if the settings turn it off."""
    return Answers(engine, settings.answers_kept) if settings.answers_kept else None


class _Readers:
    """Threads that ask the database, so that nobody waits for one that hangs."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_READERS)
        self._threads = ThreadPoolExecutor(_READERS, "answers")

    def ask(self, read: Callable[[Engine], Json | None], engine: Engine) -> Json | None:
        """Return what `read` does; TimeoutError if it takes long, or those before it still do."""
        if not self._free.acquire(timeout=_READ_S):
            raise TimeoutError("earlier questions are not answered")
        asked = self._threads.submit(read, engine)
        asked.add_done_callback(lambda _: self._free.release())
        return asked.result(_READ_S)


class Answers:
    """A cache that may forget, and is never waited for: without a database it remembers alone.

    Answers are kept in this process and in the database. New ones are written behind, in batches,
    so that a request does not wait for them.

    Parameters
    ----------
    engine : None: only this process remembers
    keep : rows in the database; the longest unused are evicted
    in_memory : entries of this process
    """

    def __init__(self, engine: Engine | None, keep: int, in_memory: int = 20_000) -> None:
        # one statement a time: without a transaction, and without asking whether the line is up
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT") if engine else None
        self._keep = keep
        self._readers = _Readers()
        self._memory: LRUCache[_Key, Json] = LRUCache(in_memory)
        self._unwritten: dict[_Key, Json] = {}
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def get(self, content_sha256: str, task: str, version: str) -> Json | None:
        """Return the answer; None if nobody knows it."""
        key = (content_sha256, task, version)
        with self._lock:
            answer = self._memory.get(key)
        if answer is None:
            answer = self._read(key)
        with self._lock:
            if answer is None:
                self.misses += 1
            else:
                self.hits += 1
                self._memory[key] = answer
        return answer

    def put(self, content_sha256: str, task: str, version: str, answer: Json) -> None:
        """Remember the answer; the database learns of it at the next `flush`."""
        key = (content_sha256, task, version)
        with self._lock:
            self._memory[key] = answer
            if self._engine is not None:
                self._unwritten[key] = answer

    def flush(self) -> int:
        """Write the new answers to the database; return how many there were."""
        with self._lock:
            rows, self._unwritten = self._unwritten, {}
        if not rows or self._engine is None:
            return 0
        values = [
            {"content_sha256": content, "task": task, "version": version, "answer": answer}
            for (content, task, version), answer in sorted(rows.items())
        ]
        try:
            with self._engine.connect() as connection:
                connection.execute(insert(CachedAnswer).on_conflict_do_nothing(), values)
        except SQLAlchemyError as error:
            log.warning("%d answers are not shared: %s", len(rows), first_line(error))
        return len(rows)

    def forget(self) -> None:
        """Forget what this process remembers; the database does not."""
        with self._lock:
            self._memory.clear()

    def evict(self) -> int:
        """Drop what passes `keep`, and what unpublished versions said; return how many rows."""
        if self._engine is None:
            return 0
        stale = delete(CachedAnswer).where(
            text(
                "EXISTS (SELECT 1 FROM slots WHERE slots.task = cached_answers.task) AND "
                "NOT EXISTS (SELECT 1 FROM slots WHERE slots.task = cached_answers.task"
                " AND cached_answers.version = slots.version || '@'"
                " || left(slots.model_sha256, 12) || '.' || left(slots.card_sha256, 12))"
            ),
            CachedAnswer.accessed_at < func.now() - _STALE_AFTER,
        )
        with self._engine.connect() as connection:
            gone = connection.execute(stale).rowcount
            held = connection.scalar(select(func.count()).select_from(CachedAnswer)) or 0
            if held > self._keep:
                gone += connection.execute(
                    text(  # a row's place on disk is its shortest name
                        "DELETE FROM cached_answers WHERE ctid = ANY (ARRAY(SELECT ctid "
                        "FROM cached_answers ORDER BY accessed_at LIMIT :count))"
                    ),
                    {"count": held - self._keep},
                ).rowcount
        return gone

    def _read(self, key: _Key) -> Json | None:
        if self._engine is None:
            return None
        where = (
            CachedAnswer.content_sha256 == key[0],
            CachedAnswer.task == key[1],
            CachedAnswer.version == key[2],
        )
        old = CachedAnswer.accessed_at < func.now() - _TOUCH_AFTER

        def read(engine: Engine) -> Json | None:
            with engine.connect() as connection:
                row = connection.execute(select(CachedAnswer.answer, old).where(*where)).first()
                if row is not None and row[1]:
                    touched = update(CachedAnswer).where(*where).values(accessed_at=func.now())
                    connection.execute(touched)
                return row[0] if row else None

        try:
            return self._readers.ask(read, self._engine)
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("the result cache cannot be read: %s", first_line(error))
            return None
