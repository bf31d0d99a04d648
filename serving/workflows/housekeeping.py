"""What a worker does between jobs: share new answers, remove what is old."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from serving.errors import StudioError, first_line
from serving.jobs.erasure import Eraser, unfinished
from serving.jobs.retention import Retention
from serving.storage.cache import Answers
from serving.storage.clips import ClipStore
from serving.workflows.run import Parts

log = logging.getLogger(__name__)

_FLUSH_EVERY_S = 0.5
# in rounds of that: five seconds, a minute, ten minutes
_ERASE_EVERY, _TIDY_EVERY, _CLEAN_EVERY = 10, 120, 1200
_ERASE_S, _TIDY_S = 2.0, 5.0


class Housekeeping:
    """A thread that keeps house until `stop`; what fails is tried again the next time."""

    def __init__(self, parts: Parts, answers: Answers | None) -> None:
        self._parts, self._answers = parts, answers
        self._clips = ClipStore(parts.engine, parts.storage)
        self._eraser = Eraser(parts.settings, parts.engine, parts.storage)
        self._retention = Retention(parts.settings, parts.engine, parts.storage)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what was answered last is shared before this returns."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._flush()

    def clean(self) -> None:
        """Remove answers and clips beyond their limits, and what dead jobs left on disk."""
        settings = self._parts.settings
        if self._answers is not None:
            self._answers.evict()
        self._clips.evict(settings.clips_max_bytes, settings.clips_max_age_s)
        self._parts.scratch.clean()

    def erase(self) -> None:
        """Continue the erasures that clients requested, each for a moment."""
        for erasure_id in unfinished(self._parts.engine):
            self._eraser.carry_on(erasure_id, _ERASE_S, wait=False)
            self._flush()

    def _flush(self) -> None:
        if self._answers is not None:
            self._answers.flush()

    def _run(self) -> None:
        rounds = 0
        while not self._stop.wait(_FLUSH_EVERY_S):
            rounds += 1
            try:
                self._flush()
                if rounds % _ERASE_EVERY == 0:
                    self.erase()
                if rounds % _TIDY_EVERY == 0:
                    self._retention.tidy(_TIDY_S)
                if rounds % _CLEAN_EVERY == 0:
                    self.clean()
            except (SQLAlchemyError, StudioError, OSError) as error:
                log.warning("housekeeping has to wait: %s", first_line(error))
