"""The job worker's process: `python -m serving.worker`. As many as you like, on any hosts.

Workers need the same `DATABASE_URL` and `STORAGE_URL` and nothing of each other. Told to stop
(SIGTERM), one takes nothing new, gives running jobs `WORKER_GRACE_S` to end and hands back the
rest. Killed, it loses nothing: its heartbeat stops, and another worker begins the next attempt.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
from procrastinate import App, JobContext
from procrastinate.exceptions import ProcrastinateException
from procrastinate.job_context import AbortReason
from sqlalchemy import Engine

from serving import metrics, traces
from serving.budget import set_budgets
from serving.db.engine import has_own_session, retry_while_unavailable, session_url
from serving.db.faults import needs_another_connection
from serving.db.migrate import prepare
from serving.environment import read_settings
from serving.errors import Cancelled, HandedBack, first_line
from serving.jobs import queue
from serving.jobs.delivery import DeliveryRunner
from serving.jobs.heartbeat import Heartbeat
from serving.jobs.reaper import Reaper
from serving.logs import open_logs
from serving.memory import bound_memory
from serving.models.cached import with_cache
from serving.models.loading import follow_slots, open_models
from serving.models.observe import open_observer
from serving.models.predictor import LocalPredictor, Predictor
from serving.models.remote import RemotePredictor
from serving.models.router import open_router
from serving.models.session import gpu_available, open_session
from serving.queues import QUEUES
from serving.settings import Settings
from serving.storage.cache import Answers, open_answers
from serving.storage.objects import storage_of
from serving.storage.scratch import open_scratch
from serving.workflows import WORKFLOWS
from serving.workflows.housekeeping import Housekeeping
from serving.workflows.run import Parts, Workflow
from serving.workflows.runner import Runner
from serving.workflows.telemetry import run_observed

log = logging.getLogger(__name__)

_POLL_S = 2.0
_LAST_WORD_S = 10.0


class JobWorker:
    """Takes jobs and callbacks from the queues until it is told to stop.

    Parameters
    ----------
    workflows : what to do for each type of job
    queues : to take from; by default all
    """

    def __init__(
        self,
        parts: Parts,
        answers: Answers | None,
        workflows: Mapping[str, Workflow],
        queues: tuple[str, ...],
    ) -> None:
        settings = parts.settings
        self.id = uuid4()
        self._parts, self._answers, self._queues = parts, answers, queues
        self._runner = Runner(parts, workflows, self.id)
        self._deliveries = DeliveryRunner(settings, parts.engine, self.id)
        self._gpu = threading.BoundedSemaphore(settings.gpu_jobs) if gpu_available() else None
        self._handing_back = threading.Event()
        self._stopping = asyncio.Event()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        settings, engine = self._parts.settings, self._parts.engine
        heartbeat = Heartbeat(engine, self.id, settings.heartbeat_s)
        reaper = Reaper(
            engine, settings.heartbeat_timeout_s, settings.job_losses, settings.worker_hung_s
        )
        if self._answers is not None:
            metrics.observe_cache("answers", self._answers)
        housekeeping = Housekeeping(self._parts, self._answers)
        heartbeat.start()
        reaper.start()
        housekeeping.start()
        try:
            with _metrics_served(settings):
                asyncio.run(self._work())
        finally:
            reaper.stop()
            housekeeping.stop()
            heartbeat.stop()
            if self._parts.router is not None:
                self._parts.router.close()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        slots = {name: self._slots(name) for name in self._queues}
        # procrastinate runs what is not async in the loop's own executor
        loop.set_default_executor(ThreadPoolExecutor(sum(slots.values()) + 2, "job"))
        app = queue.open_app(self._parts.engine, connections=len(slots) + 2)
        self._add_tasks(app)
        async with app.open_async():
            workers = [
                asyncio.create_task(self._keep(app, name, count)) for name, count in slots.items()
            ]
            log.info("worker %s takes jobs from %s", self.id, ", ".join(slots))
            await self._stopping.wait()
            await self._finish(workers)

    def _stop(self) -> None:
        log.info("worker %s stops", self.id)
        self._stopping.set()

    def _slots(self, name: str) -> int:
        configured = self._parts.settings.worker_concurrency.get(name)
        return configured or QUEUES[name].concurrency

    def _add_tasks(self, app: App) -> None:
        @app.task(name=queue.RUN_JOB, pass_context=True)
        def run_job(context: JobContext, job_id: str) -> None:
            with self._turn(context.job.queue):
                job = self._runner.take(UUID(job_id))
                if job is not None:
                    run_observed(job, lambda: self._runner.run(job, lambda: self._check(context)))

        @app.task(name=queue.DELIVER)
        def deliver(delivery_id: str) -> None:
            self._deliveries.deliver(delivery_id)

    @contextlib.contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        if self._gpu is None or not QUEUES[name].on_gpu:
            yield
        else:
            with self._gpu:
                yield

    def _check(self, context: JobContext) -> None:
        if context.abort_reason() is AbortReason.USER_REQUEST:
            raise Cancelled(f"the queue's entry {context.job.id} was cancelled")
        if self._handing_back.is_set():
            raise HandedBack("this worker is shutting down")

    async def _keep(self, app: App, name: str, count: int) -> None:
        """Take from one queue; begin anew when the database was away."""
        while not self._stopping.is_set():
            try:
                await app.run_worker_async(
                    queues=[name],
                    concurrency=count,
                    name=name,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    fetch_job_polling_interval=_POLL_S,
                    # who is alive is known from our own heartbeat; this one only names entries
                    update_heartbeat_interval=10.0,
                    stalled_worker_timeout=60.0,
                )
            except (ProcrastinateException, psycopg.Error, OSError) as error:
                said = error.__cause__ if isinstance(error.__cause__, Exception) else error
                log.warning("queue %s: %s; begun anew", name, first_line(said))
                if needs_another_connection(error):
                    await queue.drop_connections(app)
            if not self._stopping.is_set():
                await asyncio.sleep(0.3)

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        """Let running jobs end, then have them handed back; leave at last in any case."""
        for worker in workers:
            worker.cancel()
        _, running = await asyncio.wait(workers, timeout=self._parts.settings.worker_grace_s)
        if running:
            self._handing_back.set()
            _, running = await asyncio.wait(running, timeout=_LAST_WORD_S)
        if running:
            log.warning("some jobs did not hear that they are to end; another worker takes them")
            logging.shutdown()
            os._exit(1)


@contextlib.contextmanager
def _metrics_served(settings: Settings) -> Iterator[None]:
    """Answer scrapes meanwhile, if the settings say where."""
    if not settings.worker_metrics_port:
        yield
        return
    server = metrics.MetricsServer(settings.worker_metrics_port, settings.worker_metrics_host)
    log.info("metrics at http://%s:%s/metrics", settings.worker_metrics_host, server.port)
    try:
        yield
    finally:
        server.close()


def open_worker(
    settings: Settings, engine: Engine, workflows: Mapping[str, Workflow], queues: tuple[str, ...]
) -> JobWorker:
    """Open all that a worker needs."""
    storage, scratch = storage_of(settings), open_scratch(settings)
    scratch.clean()
    answers = open_answers(settings, engine)
    following = engine if settings.slots == "follow" else None
    predictor: Predictor
    if settings.model_service_url is not None:
        predictor = RemotePredictor(settings.model_service_url, fresh_s=settings.slots_poll_s)
        follower = follow_slots(settings, following)
    else:
        baked = settings.baked_models or settings.home() / "no-baked-models"
        opened = open_models(settings, storage, following, baked, open_session)
        predictor, follower = LocalPredictor(opened.models, storage), opened.follower
    router = None
    if follower is not None:
        observer = open_observer(settings, following, storage)
        router = open_router(settings, storage, answers, observer)
        follower.also(router.apply)
    parts = Parts(settings, engine, storage, scratch, with_cache(predictor, answers), router)
    return JobWorker(parts, answers, workflows, queues)


def _check_session(engine: Engine) -> None:
    """Refuse to start where this process's death could not be told from its connection."""
    if not has_own_session(session_url(engine)):
        raise SystemExit(
            "DATABASE_URL leads through a pooler that gives each transaction another session, and "
            "a worker needs one of its own: set DATABASE_DIRECT_URL to the address of the server "
            "itself, such as postgresql://user@host:5432/studio"
        )


def main(workflows: Mapping[str, Workflow] = WORKFLOWS) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="serving.worker",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--queues", nargs="+", choices=[*QUEUES], default=[*QUEUES], help="default: all of them"
    )
    queues = tuple(parser.parse_args().queues)
    settings = read_settings()
    open_logs(settings.log_level, settings.log_form)
    traces.open_traces("worker")
    bound_memory()
    set_budgets(settings.photo_memory_bytes, wait_s=None)
    try:
        engine = retry_while_unavailable(lambda: prepare(settings), wait_s=60.0)
        _check_session(engine)
        open_worker(settings, engine, workflows, queues).run()
    finally:
        traces.close_traces()


if __name__ == "__main__":
    main()
