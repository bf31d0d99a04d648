"""The whole studio on this machine until Ctrl-C: `python -m stack dev`."""

import shutil
import signal
import sys

from serving.access.api_keys import create_key, live_keys
from serving.db.engine import create_databases, open_engine
from serving.environment import read, read_settings
from serving.settings import Settings
from stack.callbacks import callback_environment, describe_callbacks
from stack.processes import Stack, StackFailed
from stack.programs import (
    ROOT,
    Ports,
    Workers,
    dagster,
    environment,
    gateway,
    mlflow,
    postgres,
    publisher,
    slots,
    worker,
)
from training.data.settings import DataSettings

_CLIENT = "dev"
_METRICS_PORT, _PUBLISHER_PORT = 9300, 9280


def run() -> int:
    """Start everything, print the addresses, wait for Ctrl-C; return the exit code."""
    settings, ports = read_settings(), read(Ports)
    programs = [
        *postgres(settings),
        mlflow(ports),
        publisher(),
        slots(),
        gateway(ports),
        *worker(read(Workers)),
        *dagster(ports, settings),
    ]
    env = environment(settings) | callback_environment(settings)
    metrics_port = settings.worker_metrics_port or _METRICS_PORT
    env["WORKER_METRICS_PORT"] = str(metrics_port)
    env["PUBLISHER_METRICS_PORT"] = str(settings.publisher_metrics_port or _PUBLISHER_PORT)
    env["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{ports.mlflow_port}"
    stack = Stack(settings, programs, env)
    for number in (signal.SIGINT, signal.SIGTERM):
        # said anew: a shell starts its background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    print(f"Starting; logs are in {stack.logs}")
    try:
        with stack.running(prepare=prepare) as supervisor:
            print(f"\nAPI key of the client '{_CLIENT}': {dev_key(settings)}")
            print(describe_callbacks(settings))
            print(f"Worker metrics from http://127.0.0.1:{metrics_port}/metrics on, one port each.")
            print(f"Ramps' metrics: http://127.0.0.1:{env['PUBLISHER_METRICS_PORT']}/metrics")
            print(describe_training(ports))
            print("Ctrl-C ends everything.")
            supervisor.wait()
    except KeyboardInterrupt:
        print("\nEverything has ended.")
    except StackFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(settings: Settings) -> None:
    """Make what MLflow and Dagster expect to find."""
    create_databases(settings, ("mlflow", "dagster"))
    folder = settings.home() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "dagster_project" / "dagster.yaml", folder / "dagster.yaml")


def describe_training(ports: Ports) -> str:
    """Say how a retrain is started, and what it lacks."""
    data = DataSettings().studio_data
    page = f"http://127.0.0.1:{ports.dagster_port}/jobs"
    where = f"photos from {data}" if data else "set STUDIO_DATA to the photos first"
    return f"Retrain: open {page}, job retrain or retrain_smoke, Launchpad ({where})."


def dev_key(settings: Settings) -> str:
    """Return a key that works here; it is kept beside the data, for the next start too."""
    file = settings.home() / "dev-api-key"
    engine = open_engine(settings)
    try:
        if not file.exists() or _CLIENT not in live_keys(engine).values():
            file.write_text(create_key(engine, _CLIENT))
            file.chmod(0o600)
    finally:
        engine.dispose()
    return file.read_text()
