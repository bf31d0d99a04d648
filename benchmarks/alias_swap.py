"""Seconds from an edit of the alias in MLflow to the first answer of the new version.

A studio made for it: PostgreSQL, MLflow's server, the publisher and the gateway, with the starter
registered twice. Photos are classified all the while; none may fail. Last, the alias is put on a
version that no gate has seen: it must be refused, said so in its tags, and never answer.
"""

import argparse
import statistics
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import onnx
from figures import Figures, parse
from mlflow import MlflowClient
from traffic import CLIENTS, WAIT_S, Traffic

from registry.admission import standard_test_set
from registry.bootstrap import STARTERS
from registry.client import open_client, open_experiment
from registry.judge import Verdict, digest_of, standard
from registry.versions import CHAMPION, REFUSED, TEST_SET, register, tag_verdict
from serving.access.api_keys import create_key
from serving.card import ModelCard
from serving.db.engine import open_engine
from serving.photos.classify import ROOM_CLASSIFIER
from serving.settings import Settings
from stack.dev import prepare
from stack.processes import Stack, free_port
from stack.programs import ROOT, Ports, environment, gateway, mlflow, postgres, publisher

TASK = ROOM_CLASSIFIER.name


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "alias", help="%(default)s")
    arguments = parse(__doc__, parser)
    swaps = 1 if arguments.quick else 5
    figures = Figures()
    settings = Settings(studio_home=arguments.home / time.strftime("%Y%m%d-%H%M%S"))
    ports = Ports(gateway_port=free_port(), mlflow_port=free_port())
    registry = f"http://127.0.0.1:{ports.mlflow_port}"
    env = environment(settings) | {"MLFLOW_TRACKING_URI": registry}
    programs = [*postgres(settings), mlflow(ports), publisher(), gateway(ports)]
    figures.say(f"{swaps} swaps and a refusal under {CLIENTS} clients")
    with Stack(settings, programs, env, say=figures.say).running(prepare=prepare):
        here = settings.model_copy(update={"mlflow_tracking_uri": registry})
        client = open_client(here)
        key = create_key(open_engine(settings), "benchmark")
        old = wait_for_starter(f"http://127.0.0.1:{ports.gateway_port}", key)
        new, ungated = (add_version(client, here, gated) for gated in (True, False))
        with Traffic(f"http://127.0.0.1:{ports.gateway_port}", key, make_photo()) as traffic:
            traffic.wait_for(old, time.perf_counter())
            seconds = []
            for number in range(swaps):
                since = edit_alias(registry, old if number % 2 else new)
                seconds.append(traffic.wait_for(old if number % 2 else new, since))
                time.sleep(1.0)
            refused = is_refused(client, registry, ungated, traffic)
    figures.add("alias_swap.seconds_max", max(seconds))
    figures.add("alias_swap.seconds_median", statistics.median(seconds))
    figures.add("alias_swap.requests", len(traffic.answers) + traffic.failures.total())
    figures.add("alias_swap.failed", traffic.failures.total())
    figures.add("alias_swap.ungated_refused", float(refused))
    for failure, count in traffic.failures.items():
        figures.say(f"{count}x {failure}")
    figures.print()


def make_photo() -> bytes:
    """Return a JPEG of 1600x1200; what it shows does not matter here."""
    coarse = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    image = cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", image)[1].tobytes()


def add_version(client: MlflowClient, settings: Settings, gated: bool) -> str:
    """Register the starter again, with an open gate or without any; return the version."""
    card = ModelCard.model_validate_json((STARTERS / TASK / "card.json").read_bytes())
    run = client.create_run(open_experiment(client, settings, TASK))
    model = onnx.load(STARTERS / TASK / "model.onnx")
    model.doc_string = run.info.run_id  # other bytes, so that nothing is already in the storage
    version = register(client, run.info.run_id, model.SerializeToString(), card)
    if gated:
        tag_verdict(
            client, TASK, version, Verdict(passed=True, gates_digest=digest_of(standard(TASK)))
        )
        client.set_model_version_tag(TASK, version, TEST_SET, str(standard_test_set(TASK)))
    return version


def edit_alias(registry: str, version: str) -> float:
    """Move the alias as MLflow's pages do; return when the button was pressed."""
    since = time.perf_counter()
    body = {"name": TASK, "alias": CHAMPION, "version": version}
    url = f"{registry}/api/2.0/mlflow/registered-models/alias"
    httpx.post(url, json=body, timeout=30).raise_for_status()
    return since


def is_refused(client: MlflowClient, registry: str, version: str, traffic: Traffic) -> bool:
    """Put the alias on `version`; say whether it is tagged as refused and never answers."""
    since = edit_alias(registry, version)
    while REFUSED not in client.get_model_version(TASK, version).tags:
        if time.perf_counter() > since + WAIT_S:
            return False
        time.sleep(0.2)
    count = len(traffic.answers)
    time.sleep(5.0)  # more than a round of the publisher and of the gateway
    later = traffic.answers[count:]
    return bool(later) and all(answered != version for _, answered in later)


def wait_for_starter(url: str, key: str) -> str:
    """Wait until the gateway answers with the starter; return its version."""
    until = time.monotonic() + 2 * WAIT_S
    while time.monotonic() < until:
        status = httpx.get(f"{url}/internal/status", headers={"X-API-Key": key}, timeout=10)
        for model in status.json().get("models", []):
            if model["task"] == TASK:  # others may be loaded before it
                return str(model["version"])
        time.sleep(0.2)
    raise TimeoutError("the starter is not served")


if __name__ == "__main__":
    main()
