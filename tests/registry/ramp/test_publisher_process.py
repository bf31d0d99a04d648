"""The publisher's process, with no registry behind it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import Engine

from serving.models.routing import CHALLENGER
from serving.models.slots import read_slots
from serving.settings import Settings
from tests.fakes import TASK
from tests.registry.ramp.conftest import BeginRamp, Traffics

pytestmark = pytest.mark.slow


def test_a_bad_version_is_stopped_by_a_publisher_that_never_found_mlflow(
    engine: Engine, settings: Settings, begin_ramp: BeginRamp, traffic: Traffics
) -> None:
    begin_ramp()
    traffic.pair([f"house-{number}" for number in range(60)])
    traffic.fail([f"house-{number}" for number in range(40)])
    nowhere = "http://127.0.0.1:9"  # the port of discard: nobody listens
    env = os.environ | {
        "STUDIO_HOME": str(settings.home()),
        "DATABASE_URL": str(settings.database_url),
        "MLFLOW_TRACKING_URI": nowhere,
        "PUBLISH_POLL_S": "0.2",
    }
    # as a shell starts what runs in the background; Dagster has its own children ignore it then
    command = ["setpriv", "--pdeathsig", "KILL", "env", "--ignore-signal=TERM"]
    command += [sys.executable, "-m", "registry.publish"]
    publisher = subprocess.Popen(command, env=env)
    try:
        until = time.monotonic() + 120
        while not read_slots(engine)[TASK, CHALLENGER].stopped:
            assert publisher.poll() is None, "it has ended"
            assert time.monotonic() < until, "the guard waits for the registry"
            time.sleep(0.1)
    finally:
        publisher.send_signal(signal.SIGTERM)
        ended = publisher.wait(30)
    assert ended == 0
