"""Says that a worker's process is alive, from a thread of its own."""

import logging
import os
import socket
import threading
from uuid import UUID

from sqlalchemy import Engine, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from serving.db.tables import Worker
from serving.errors import first_line

log = logging.getLogger(__name__)


class Heartbeat:
    """Writes the worker's row every `every_s`, and removes it at an orderly end."""

    def __init__(self, engine: Engine, worker_id: UUID, every_s: float) -> None:
        self._engine, self._worker_id, self._every_s = engine, worker_id, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Write the first one, then go on in the thread."""
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Write one."""
        row = {"id": self._worker_id, "host": socket.gethostname(), "pid": os.getpid()}
        again = {"heartbeat_at": func.now()}
        with self._engine.begin() as connection:
            statement = insert(Worker).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))

    def stop(self) -> None:
        """End, and take the row away; what still ran is then brought back at once."""
        self._stop.set()
        self._thread.join(timeout=10)
        with self._engine.begin() as connection:
            connection.execute(delete(Worker).where(Worker.id == self._worker_id))

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.beat()
            except SQLAlchemyError as error:
                log.warning("no heartbeat: %s", first_line(error))
