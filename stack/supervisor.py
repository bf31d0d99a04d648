"""supervisord, watched by whoever started it: when it is killed, it is started again."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable

_LOOK_EVERY_S = 0.1
_PAUSE_S = 0.2


class Supervisor:
    """A supervisord that comes back.

    Parameters
    ----------
    start : starts it; given whether it is a first start, or one after a death
    say : told of each death
    """

    def __init__(
        self, start: Callable[[bool], subprocess.Popen[bytes]], say: Callable[[str], None]
    ) -> None:
        self._start, self._say = start, say
        self._stop, self._ended = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        # One thread starts and ends it: the kernel takes the thread that started a process for its
        # parent, and supervisord ends with that (PDEATHSIG).
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._thread.start()
        self._started.wait()

    @property
    def pid(self) -> int:
        """Of the supervisord that runs now, or ran last."""
        if self._process is None:
            raise RuntimeError("supervisord cannot be started") from self._failure
        return self._process.pid

    def ended(self) -> bool:
        """Say whether it has ended by itself, and will not come back."""
        return self._ended.is_set()

    def wait(self) -> None:
        """Return once it has ended by itself."""
        self._ended.wait()

    def stop(self) -> None:
        """End it and all below it."""
        self._stop.set()
        self._thread.join()

    def _keep(self) -> None:
        first = True
        while not self._stop.is_set():
            try:
                process = self._process = self._start(first)
            except OSError as error:
                self._failure = error
                break
            finally:
                self._started.set()
            while process.poll() is None and not self._stop.wait(_LOOK_EVERY_S):
                pass
            if self._stop.is_set():
                process.send_signal(signal.SIGTERM)
                process.wait()
            elif process.returncode >= 0:
                break  # an error of its own, or told to by supervisorctl
            else:
                self._say(f"the supervisor was killed ({-process.returncode}) and starts again")
                time.sleep(_PAUSE_S)
            first = False
        self._ended.set()
