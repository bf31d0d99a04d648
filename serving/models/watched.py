"""Sessions that may hang: a call that takes too long ends the process, which is started anew."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from serving.models.local import OpenSession
from serving.models.session import Session
from serving.task import Inputs, Outputs

log = logging.getLogger(__name__)

# EX_SOFTWARE of <sysexits.h>
HUNG = 70
_LOOKS = 20


def end_process() -> None:
    """End at once: a thread within a graph without an end hears nothing else."""
    os._exit(HUNG)


class WatchedSessions:
    """Opens sessions of which neither the opening nor a call may take longer than `limit_s`.

    ONNX Runtime's own way to end a run, `RunOptions.terminate`, is heard between two nodes of a
    graph only; and a thread cannot be ended from outside.

    Parameters
    ----------
    open_session : opens the session itself
    limit_s : for a batch, and for a model's opening
    end : is called once, from another thread, when a call has taken longer
    """

    def __init__(
        self, open_session: OpenSession, limit_s: float, end: Callable[[], None] = end_process
    ) -> None:
        self._open, self._limit_s, self._end = open_session, limit_s, end
        self._began: dict[int, float] = {}
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def __call__(self, model: bytes) -> Session:
        """Open a model; ModelFailed if it is not one."""
        with self._timed():
            return _Watched(self._open(model), self._timed)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        thread = threading.get_ident()
        self._began[thread] = time.monotonic()
        try:
            yield
        finally:
            del self._began[thread]

    def _watch(self) -> None:
        while True:
            time.sleep(self._limit_s / _LOOKS)
            for began in list(self._began.values()):
                if time.monotonic() - began > self._limit_s:
                    log.critical("the model has not answered for %g s: it hangs", self._limit_s)
                    return self._end()


class _Watched:
    """A session of which each call is timed."""

    def __init__(self, session: Session, timed: Callable[[], AbstractContextManager[None]]) -> None:
        self._session, self._timed = session, timed

    def __call__(self, inputs: Inputs) -> Outputs:
        """Run the model; ModelFailed if it breaks on these inputs."""
        with self._timed():
            return self._session(inputs)
