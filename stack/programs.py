"""Which processes make up a studio, and how each is started."""

import json
import shlex
import sys
from pathlib import Path

import yaml
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.db.engine import database_url
from serving.settings import Settings
from stack.local_secrets import link_secrets
from stack.processes import Program

ROOT = Path(__file__).resolve().parents[1]
CODE_LOCATION = "dagster_project"
_QUIET = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DAGSTER_DISABLE_TELEMETRY": "true",
    "YOLO_OFFLINE": "true",
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
}


class Ports(BaseSettings):
    """Where the HTTP servers listen, all on loopback."""

    model_config = SettingsConfigDict(frozen=True)

    gateway_port: int = Field(3000, description="the gateway's")
    dagster_port: int = Field(3001, description="the pages of Dagster")
    mlflow_port: int = Field(5000, description="MLflow's")


class Workers(BaseSettings):
    """How much of this machine works on jobs."""

    model_config = SettingsConfigDict(frozen=True)

    workers: int = Field(1, ge=0, description="worker processes")


def environment(settings: Settings) -> dict[str, str]:
    """Return what every process of the studio is told."""
    return _QUIET | {
        "STUDIO_HOME": str(settings.home()),
        "DAGSTER_HOME": str(settings.home() / "dagster"),
        "DAGSTER_POSTGRES_URL": _libpq(settings, "dagster"),
        # read by `mlflow server`, so that no password stands on a command line
        "MLFLOW_BACKEND_STORE_URI": database_url(settings, "mlflow", "psycopg2").render_as_string(
            hide_password=False
        ),
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": f"{settings.storage()}/mlflow",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "LINK_SECRETS": json.dumps(link_secrets(settings)),
    }


def postgres(settings: Settings) -> list[Program]:
    """Return the embedded PostgreSQL, unless `DATABASE_URL` names a server."""
    if settings.database_url is not None:
        return []
    return [Program("postgres", _module("serving.db.postgres"), first=True)]


def publisher() -> Program:
    """Return the process that carries aliases into serving."""
    return Program("publisher", _module("registry.publish"))


def slots() -> Program:
    """Return the process that runs one more for each version beside a champion."""
    return Program("slots", _module("bentos.slot_services"))


def gateway(ports: Ports) -> Program:
    """Return the process of the HTTP API."""
    url = f"http://127.0.0.1:{ports.gateway_port}"
    command = _module(
        "bentos.gateway", "--host", "127.0.0.1", "--port", str(ports.gateway_port)
    )  # fmt: skip
    return Program(
        "gateway", command, health=f"{url}/health", page=f"{url}/docs", port=ports.gateway_port
    )


def worker(workers: Workers) -> list[Program]:
    """Return the processes that work on jobs and call back; HTTP servers go before them (nice)."""
    command = "nice -n 5 " + _module("serving.worker")
    names = ["worker", *(f"worker{number}" for number in range(2, workers.workers + 1))]
    return [Program(name, command) for name in names[: workers.workers]]


def backend(settings: Settings, port: int) -> Program:
    """Return the reference backend, which callbacks can go to."""
    url = f"http://127.0.0.1:{port}"
    data = str(settings.home() / "backend")
    command = _module("stack.backend", "--port", str(port), "--data", data)
    return Program("backend", command, health=f"{url}/health", page=url, port=port)


def mlflow(ports: Ports) -> Program:
    """Return MLflow's server; its store and artifact root come by the environment."""
    url = f"http://127.0.0.1:{ports.mlflow_port}"
    command = _module(
        "mlflow", "server", "--host", "127.0.0.1", "--port", str(ports.mlflow_port),
        "--workers", "1", "--no-serve-artifacts",
    )  # fmt: skip
    return Program(
        "mlflow",
        command,
        health=f"{url}/health",
        page=url,
        port=ports.mlflow_port,
        process_tree=True,
    )


def dagster(ports: Ports, settings: Settings) -> list[Program]:
    """Return Dagster's code server, its pages, and its daemon (sensors, schedules, queued runs).

    The pages and the daemon ask the one code server. Without it each of them would start servers of
    its own, the daemon a new one every minute, at a third of a gigabyte each.
    """
    workspace = str(write_workspace(settings))
    code = _script(
        "dagster", "code-server", "start", "--socket", str(_code_socket(settings)),
        "--module-name", "dagster_project.definitions", "--location-name", CODE_LOCATION,
    )  # fmt: skip
    port = str(ports.dagster_port)
    url = f"http://127.0.0.1:{port}"
    pages = _script("dagster-webserver", "-h", "127.0.0.1", "-p", port, "-w", workspace)
    daemon = _script("dagster-daemon", "run", "-w", workspace)
    return [
        Program("code", code, process_tree=True),
        Program(
            "dagster",
            pages,
            health=f"{url}/server_info",
            page=url,
            port=ports.dagster_port,
            process_tree=True,
        ),
        Program("daemon", daemon, process_tree=True),
    ]


def write_workspace(settings: Settings) -> Path:
    """Write where Dagster finds our definitions; return the file."""
    file = settings.home() / "dagster" / "workspace.yaml"
    server = {"socket": str(_code_socket(settings)), "location_name": CODE_LOCATION}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return file


def _code_socket(settings: Settings) -> Path:
    return settings.socket_folder() / "dagster-code.sock"


def _module(*words: str) -> str:
    return shlex.join([sys.executable, "-m", *words])


def _script(name: str, *words: str) -> str:
    return shlex.join([str(Path(sys.executable).parent / name), *words])


def _libpq(settings: Settings, name: str) -> str:
    url = database_url(settings, name).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)
