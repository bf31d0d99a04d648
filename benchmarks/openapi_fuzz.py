"""Requests that the OpenAPI document allows, and such that it forbids, against a whole gateway.

schemathesis makes them for every operation, as real HTTP, with a database of jobs in every state
behind; counted are the answers that are 5xx or not as the document says (status, media type,
schema), and wrong requests that were taken. Each kind of failure is printed once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import schemathesis
from figures import Figures, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs import wait_for_database
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from servers import HEADERS, ROOT, gateway
from sqlalchemy import Engine

from serving.db.engine import open_engine
from serving.jobs import attempts
from serving.jobs.kinds import KINDS
from serving.jobs.manage import cancel
from serving.jobs.submit import NewJob, submit
from serving.settings import Settings
from serving.storage.objects import storage_of

CONFIG = SchemathesisConfig.from_dict(
    {
        # The key is sent always: whether it is looked at is tested by itself.
        "generation": {"with-security-parameters": False, "allow-extra-parameters": False},
        # That a file is a picture, a key exists, a cursor was given: no schema can say that.
        "checks": {"positive_data_acceptance": {"enabled": False}},
    }
)
KEY = {"X-API-Key": HEADERS["X-API-Key"]}
_GOES_ON = ("pending", "processing")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, help="per operation, right and wrong each")
    asked = parse(__doc__, parser)
    examples = asked.examples or (30 if asked.quick else 300)
    figures, fuzz = Figures(), Fuzz(examples)
    with tempfile.TemporaryDirectory() as name:
        home = Settings(studio_home=Path(name))
        with studio(home) as url:
            schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=CONFIG)
            for found in schema.get_all_operations():
                fuzz.probe(found.ok(), make_jobs(home))
    for kind, example in fuzz.failures.items():
        figures.say(f"FAILURE {kind}\n{example}")
    figures.say(
        "answers by status: " + ", ".join(f"{s}: {n}" for s, n in sorted(fuzz.statuses.items()))
    )
    figures.add("requests", sum(fuzz.statuses.values()))
    figures.add("answers_5xx", sum(n for status, n in fuzz.statuses.items() if status >= 500))
    figures.add("kinds_of_failure", len(fuzz.failures))
    figures.print()
    if fuzz.failures:
        sys.exit(1)


class Fuzz:
    """Sends requests and keeps what was wrong with the answers."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self.statuses: Counter[int] = Counter()
        self.failures: dict[str, str] = {}

    def probe(self, operation: Any, jobs: Mapping[str, UUID]) -> None:  # noqa: ANN401 - four type arguments
        """Send `examples` right requests and as many wrong ones."""
        ids = [
            job
            for status, job in jobs.items()
            # the events of a job that goes on do not end
            if not (operation.path.endswith("/events") and status in _GOES_ON)
        ]
        self._send(operation, GenerationMode.POSITIVE, [None, *ids])
        if list(operation.iter_parameters()) or operation.body:
            self._send(operation, GenerationMode.NEGATIVE, [None])

    def _send(self, operation: Any, mode: GenerationMode, ids: Sequence[UUID | None]) -> None:  # noqa: ANN401
        @given(operation.as_strategy(mode), st.sampled_from(ids))
        @settings(
            max_examples=self._examples,
            suppress_health_check=list(HealthCheck),
            deadline=None,
            derandomize=True,
            database=None,
        )
        def send(case: Case[Any], job: UUID | None) -> None:
            if job is not None and "job_id" in case.path_parameters:
                case.path_parameters["job_id"] = str(job)
            answer = case.call(headers=KEY, timeout=30)
            self.statuses[answer.status_code] += 1
            try:
                case.validate_response(answer)
            except FailureGroup as group:
                for failure in group.exceptions:
                    kind = f"{operation.label}: {type(failure).__name__} ({answer.status_code})"
                    self.failures.setdefault(kind, str(group))

        send()


@contextmanager
def studio(home: Settings) -> Iterator[str]:
    """Run PostgreSQL and the gateway; yield the gateway's URL."""
    environment = os.environ | {"STUDIO_HOME": str(home.home())}
    with (home.home() / "log").open("w") as log:
        database = subprocess.Popen(
            [sys.executable, "-m", "serving.db.postgres"],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for_database(home)
            with gateway(home.home(), "inline", RATE_LIMIT="1000000/second") as server:
                yield server.url
        finally:
            database.terminate()
            database.wait()


def make_jobs(home: Settings) -> dict[str, UUID]:
    """Return a new job in each of its states."""
    engine = open_engine(home)
    try:
        return _make_jobs(engine, home)
    finally:
        engine.dispose()


def _make_jobs(engine: Engine, home: Settings) -> dict[str, UUID]:
    photo = next((ROOT / "datasets" / "sample_listing").glob("*.jpg"))
    storage_of(home).write("photo.jpg", photo.read_bytes())
    new = NewJob(KINDS["classify_photos"], {"photos": ["photo.jpg"]}, "benchmark", "42")
    states = ("completed", "failed", "cancelled", *_GOES_ON)
    made = {status: submit(engine, new, 100_000).job_id for status in states}
    for status in ("completed", "failed", "processing"):
        job = attempts.take(engine, made[status], uuid4())
        assert job is not None
        if status == "completed":
            attempts.complete(engine, job, {"results": []})
        elif status == "failed":
            attempts.fail(engine, job, {"title": "X", "detail": "x", "reason": "internal"})
    cancel(engine, made["cancelled"])
    return made


if __name__ == "__main__":
    main()
