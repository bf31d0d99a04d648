"""Raw photos to a promoted, served version, through Dagster, in a studio made for it.

Needs STUDIO_DATA. A gateway runs meanwhile; the clock stops when it answers with the new version.
`--smoke` trains only the head, on a few photos of each label, with gates of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import yaml
from figures import Figures, parse

from registry.gates import SMOKE as SMOKE_GATES
from registry.gates import digest_of
from serving.access.api_keys import create_key
from serving.db.engine import open_engine
from serving.settings import Settings
from stack.dev import prepare
from stack.processes import Stack, free_port
from stack.programs import ROOT, Ports, environment, gateway, mlflow, postgres, publisher
from training.room_classifier.config import SMOKE


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="a few photos, no fine-tuning")
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "retrain", help="%(default)s")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the recipe")
    arguments = parse(__doc__, parser)
    smoke = arguments.smoke or arguments.quick
    given = (item.split("=", 1) for item in arguments.set)
    recipe: dict[str, object] = SMOKE.model_dump(exclude_unset=True) if smoke else {}
    recipe |= {name: yaml.safe_load(value) for name, value in given}
    figures, name = Figures(), "retrain_smoke" if smoke else "retrain"
    settings = Settings(studio_home=arguments.home / time.strftime("%Y%m%d-%H%M%S"))
    ports = Ports(gateway_port=free_port(), mlflow_port=free_port())
    starter = [] if smoke else [publisher()]
    programs = [*postgres(settings), mlflow(ports), *starter, gateway(ports)]
    env = environment(settings) | {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow_port}"}
    if smoke:  # elsewhere nothing is promoted by these
        env["ALLOW_GATES"] = json.dumps([digest_of(SMOKE_GATES)])
    stack = Stack(settings, programs, env, say=figures.say)
    with stack.running(prepare=prepare):
        key = create_key(open_engine(settings), "benchmark")
        started = time.perf_counter()
        run_job(settings, env, recipe, smoke)
        version = wait_for_version(f"http://127.0.0.1:{ports.gateway_port}", key)
        figures.add(f"{name}.seconds", time.perf_counter() - started)
        figures.add(f"{name}.version", float(version))
    figures.say(f"kept in {settings.home()}")
    figures.print()


def run_job(
    settings: Settings, env: dict[str, str], recipe: dict[str, object], smoke: bool
) -> None:
    """Run Dagster's job `retrain` in a process of its own; its log goes to the screen."""
    ops: dict[str, object] = {"trained_classifier": {"config": recipe}}
    if smoke:
        ops["registered_version_gates"] = {"config": {"file": str(SMOKE_GATES)}}
    config = settings.home() / "retrain.json"
    config.write_text(json.dumps({"ops": ops}))
    command = [str(Path(sys.executable).parent / "dagster"), "job", "execute"]
    command += ["-m", "dagster_project.definitions", "-j", "retrain", "-c", str(config)]
    subprocess.run(command, env=os.environ | env, cwd=settings.home(), check=True)


def wait_for_version(url: str, key: str, wait_s: float = 60.0) -> str:
    """Wait until the gateway answers with a version this run could have made; return it."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        status = httpx.get(f"{url}/internal/status", headers={"X-API-Key": key}, timeout=10)
        for model in status.json().get("models", []):
            if not model["demo"]:
                return str(model["version"])
        time.sleep(0.2)
    raise TimeoutError("the new version is not served")


if __name__ == "__main__":
    main()
