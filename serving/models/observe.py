"""What models answered, written down behind the answers: counted exactly, and never waited for.

Whoever has answered hands over an `Observed`. It becomes a row at once and waits in a queue that is
bounded in bytes; a thread writes what waits every half second, in one transaction with what follows
from it (`exposures`, `bad_events`). What finds no room is dropped and counted, so that rows and
drops together are the answers. A batch that was written although its commit was not heard of is
known by its id and not written again. A process that is killed takes what waited with it.
"""

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import replace

from cachetools import LRUCache
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from serving import metrics
from serving.db.faults import sqlstate
from serving.db.partitions import make_partitions
from serving.errors import BadInput, StudioError, first_line
from serving.models.comparison import Comparison
from serving.models.kept_photos import PhotoKeeper
from serving.models.large_answers import has_stored, load_stored
from serving.models.observed import About, Bad, Beside, Observed, Picture, Said
from serving.models.observed_rows import BadRow, Batch, Entry, compare_pair, to_entry, write_batch
from serving.models.routing import CHAMPION, bucket
from serving.models.slow import SlowRule
from serving.settings import Settings
from serving.storage.interface import Storage

__all__ = ["About", "Bad", "Beside", "Observed", "Observer", "Picture", "Said", "open_observer"]

log = logging.getLogger(__name__)

_FLUSH_EVERY_S = 0.5
_ROWS_AT_ONCE = 2_000
_BAD_AT_MOST = 5_000  # waiting; a listing has one of each kind and version
_STORED_COST = 16 * 2**10  # of an answer whose files are read when it is compared
_REMEMBERED = 50_000
_TOLD_EVERY_S = 60.0
_DAYS_EVERY_S = 3600.0
_SAMPLE = "sample"
# SQLSTATE: no value of that type, a constraint, more than fits
_A_ROWS_FAULT = ("22", "23", "54")


class Observer:
    """Writes down what is observed; may be told by any thread, and never makes it wait.

    Parameters
    ----------
    engine : None: nothing is written down
    storage : where large parts of answers lie
    max_bytes : of what waits; what is more is dropped
    sampled : the share of listings, 0..1, of which answers are kept while nothing stands beside
    keeper : of small pictures; None: none is kept
    """

    def __init__(
        self,
        engine: Engine | None,
        storage: Storage,
        max_bytes: int,
        sampled: float = 0.0,
        keeper: PhotoKeeper | None = None,
    ) -> None:
        self._engine, self._storage = engine, storage
        self._max_bytes, self._sampled, self._keeper = max_bytes, sampled, keeper
        self._slow, self._lock, self._writing = SlowRule(), threading.Lock(), threading.Lock()
        self._waiting: deque[Entry | Observed] = deque()
        self._bad: deque[BadRow] = deque()
        self._bytes = 0
        self._batches: deque[Batch] = deque()
        self._unreported, self._told_at = 0, float("-inf")
        self._seen: LRUCache[object, bool] = LRUCache(_REMEMBERED)
        self._ending = threading.Event()
        self._closed = False
        self.answers = self.rows = 0
        self.dropped: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        if engine is not None:
            self._thread.start()

    def observe(self, observed: Observed) -> None:
        """Take note of one answer."""
        if self._engine is None:
            return
        about, beside = observed.about, observed.beside
        self._judge_time(observed)
        if beside is None and not self._is_sampled(about):
            return
        self._count_answer()
        try:
            self._put(self._ready(observed))
        except Exception:
            log.exception("an answer cannot be written down")
            self._drop("broken")

    def observe_bad(self, bad: Bad) -> None:
        """Take note of something bad; slow answers are found by the observer itself."""
        if self._engine is None:
            return
        row = BadRow.of(bad)
        with self._lock:
            if row.key in self._seen:
                return
            if len(self._bad) >= _BAD_AT_MOST or self._closed:
                metrics.BAD_EVENTS_DROPPED.inc()
                return
            self._seen[row.key] = True
            self._bad.append(row)

    def flush(self) -> bool:
        """Write what waits; return whether all of it was, else it is tried again."""
        if self._engine is None:
            return True
        with self._writing:
            while True:
                batch = self._batches.popleft() if self._batches else self._take()
                if batch is None:
                    return True
                if not self._write(self._engine, batch):
                    self._batches.appendleft(batch)  # as it is: perhaps it was committed
                    return False

    def close(self, wait_s: float = 5.0) -> None:
        """Write what waits, for about `wait_s`; what is left then is dropped and counted."""
        if self._engine is None or self._closed:
            return
        until = time.monotonic() + wait_s
        with self._lock:
            self._closed = True
        self._ending.set()
        self._thread.join(wait_s)
        while not self._thread.is_alive() and not self.flush() and time.monotonic() < until:
            time.sleep(0.1)
        with self._lock:
            left = len(self._waiting) + sum(len(batch.entries) for batch in self._batches)
            self._waiting.clear()
            self._batches.clear()
        if left:
            log.warning("%d answers were not written down before the end", left)
            self._drop("ended", left)
        if self._keeper is not None:
            self._keeper.close(max(until - time.monotonic(), 0.5))

    def _run(self) -> None:
        days_at = 0.0
        while not self._ending.wait(_FLUSH_EVERY_S):
            try:
                if time.monotonic() >= days_at:
                    days_at = time.monotonic() + self._make_days()
                self.flush()
            except Exception:
                log.exception("what was observed cannot be written; it is tried again")

    def _make_days(self) -> float:
        """Make partitions ahead; return in how many seconds to look again."""
        if self._engine is None:
            return _DAYS_EVERY_S
        try:
            make_partitions(self._engine)
        except SQLAlchemyError as error:
            self._tell(f"no day can be made for answers: {first_line(error)}")
            return _TOLD_EVERY_S
        return _DAYS_EVERY_S

    def _is_sampled(self, about: About) -> bool:
        return bucket(_SAMPLE, about.task.name, about.listing_key) < 100 * self._sampled

    def _judge_time(self, observed: Observed) -> None:
        """Learn how long the champion takes, and note what is slow beside it."""
        prediction, seconds = observed.said.prediction, observed.said.seconds
        if seconds is None or prediction.cached:
            return
        task, by_champion = observed.about.task.name, prediction.slot == CHAMPION
        if observed.beside is not None and self._slow.is_slow(task, seconds):
            paired = observed.pair_id is not None
            version = prediction.version if by_champion else ""
            reason = f"{seconds:.3f} s"
            self.observe_bad(
                Bad(observed.about, observed.beside, "slow", by_champion, version, paired, reason)
            )
        if by_champion:
            self._slow.learn(task, seconds)

    def _ready(self, observed: Observed) -> Entry | Observed:
        """Make the row, unless its comparison has to read the storage first."""
        other = observed.other
        stored = other is not None and any(
            has_stored(said.prediction.answer) for said in (observed.said, other)
        )
        if stored:
            return observed
        return self._finish(observed, compare_pair(observed))

    def _finish(self, observed: Observed, comparison: Comparison | None) -> Entry:
        entry = to_entry(observed, comparison)
        if self._keeper is not None and observed.picture is not None:
            discordant = comparison is not None and not comparison.agrees
            self._keeper.offer(observed.about, observed.picture, discordant)
        return entry

    def _load(self, observed: Observed) -> Entry:
        """Make a row whose comparison needs what lies in the storage."""
        try:
            loaded = replace(observed, said=self._loaded(observed.said))
            if observed.other is not None:
                loaded = replace(loaded, other=self._loaded(observed.other))
            comparison = compare_pair(loaded)
        except (BadInput, StudioError) as error:
            log.warning("a pair of answers cannot be compared: %s", first_line(error))
            comparison = None
        return self._finish(observed, comparison)

    def _loaded(self, said: Said) -> Said:
        answer = load_stored(said.prediction.answer, self._storage)
        return replace(said, prediction=replace(said.prediction, answer=answer))

    def _put(self, entry: Entry | Observed) -> None:
        cost = _cost_of(entry)
        with self._lock:
            room = self._bytes + cost <= self._max_bytes
            if room and not self._closed:
                self._waiting.append(entry)
                self._bytes += cost
                metrics.OBSERVED_BYTES.set(self._bytes)
                return
        self._drop("full" if not room else "ended")

    def _take(self) -> Batch | None:
        with self._lock:
            count = min(len(self._waiting), _ROWS_AT_ONCE)
            taken = [self._waiting.popleft() for _ in range(count)]
            bad = [self._bad.popleft() for _ in range(len(self._bad))]
            if not taken and not bad and not self._unreported:
                return None
            dropped, self._unreported = self._unreported, 0
        entries = [item if isinstance(item, Entry) else self._load(item) for item in taken]
        loaded = sum(_cost_of(entry) for entry in entries) - sum(_cost_of(item) for item in taken)
        with self._lock:
            self._bytes += loaded
        return Batch([self._once(entry) for entry in entries], bad, dropped)

    def _once(self, entry: Entry) -> Entry:
        """Leave out an exposure that this process has written already."""
        known = entry.exposure is not None and entry.exposure[0] in self._seen
        return replace(entry, exposure=None) if known else entry

    def _write(self, engine: Engine, batch: Batch) -> bool:
        """Write a batch; return whether it is done with, else the database is away."""
        try:
            written = write_batch(engine, batch)
        except SQLAlchemyError as error:
            if (sqlstate(error) or "")[:2] in _A_ROWS_FAULT:
                self._write_apart(batch, error)
                return True
            # away, or not migrated yet: no row's fault
            self._tell(f"what was observed has to wait: {first_line(error)}")
            return False
        if written is None:  # the commit was done, and only its answer lost
            written = len(batch.entries)
        self._settle(batch, written)
        return True

    def _write_apart(self, batch: Batch, error: SQLAlchemyError) -> None:
        """Have the halves of what is refused written, down to the one row that is at fault."""
        if len(batch.entries) + len(batch.bad) > 1:
            self._batches.extendleft(reversed(_split(batch)))
            return
        log.warning("an observation is refused: %s", first_line(error))
        self._settle(batch, 0, "refused")

    def _settle(self, batch: Batch, written: int, reason: str = "erased") -> None:
        """Count a batch that is done with."""
        with self._lock:
            self._bytes -= sum(entry.cost for entry in batch.entries)
            self.rows += written
            for entry in batch.entries:
                if entry.exposure is not None:
                    self._seen[entry.exposure[0]] = True
            metrics.OBSERVED_BYTES.set(self._bytes)
        metrics.OBSERVED_ROWS.inc(written)
        self._drop(reason, len(batch.entries) - written)

    def _count_answer(self) -> None:
        with self._lock:
            self.answers += 1
        metrics.OBSERVED_ANSWERS.inc()

    def _drop(self, reason: str, count: int = 1) -> None:
        if not count:
            return
        with self._lock:
            self.dropped[reason] += count
            self._unreported += count
        metrics.OBSERVED_DROPPED.labels(reason).inc(count)

    def _tell(self, what: str) -> None:
        if time.monotonic() - self._told_at >= _TOLD_EVERY_S:
            self._told_at = time.monotonic()
            log.warning("%s", what)


def open_observer(settings: Settings, engine: Engine | None, storage: Storage) -> Observer:
    """Return the process's observer as the settings say; without a database it does nothing."""
    keeper = None
    if engine is not None and settings.keep_photos > 0:
        keeper = PhotoKeeper(engine, storage, settings.keep_photos)
    return Observer(engine, storage, settings.observed_bytes, settings.predictions_sampled, keeper)


def _cost_of(entry: Entry | Observed) -> int:
    if isinstance(entry, Entry):
        return entry.cost
    return _STORED_COST + (entry.picture.pixels.nbytes if entry.picture else 0)


def _split(batch: Batch) -> list[Batch]:
    """Return the batch in two parts, with ids of their own: the whole was rolled back."""
    entries, bad = batch.entries, batch.bad
    if len(entries) > 1:
        middle = len(entries) // 2
        return [Batch(entries[:middle], bad, batch.dropped), Batch(entries[middle:], ())]
    if entries:
        return [Batch(entries, (), batch.dropped), Batch((), bad)]
    middle = len(bad) // 2
    return [Batch((), bad[:middle], batch.dropped), Batch((), bad[middle:])]
