"""Raw data to released versions, through Dagster, in a studio made for it.

Needs STUDIO_DATA. A gateway runs meanwhile; the clock stops when the new version of every task that
was made anew is published: beside the starter, where its ramp begins, or as the first that answers.
`--task` names some of them, by default all. `--smoke` trains as the recipes' smoke settings say,
with gates of their own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from figures import Figures, parse
from sqlalchemy import Engine

from registry.bootstrap import STARTERS
from registry.judge import digest_of, smoke
from serving.db.engine import open_engine
from serving.models.routing import CHALLENGER, CHAMPION
from serving.models.slots import read_slots
from serving.settings import Settings
from stack.dev import prepare
from stack.processes import Stack, free_port
from stack.programs import ROOT, Ports, environment, gateway, mlflow, postgres, publisher
from training.recipe import Recipe, TrainingPlan
from training.recipes import RECIPES


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="a few photos, no fine-tuning")
    parser.add_argument("--home", type=Path, default=ROOT / "out" / "retrain", help="%(default)s")
    names = [recipe.name for recipe in RECIPES]
    parser.add_argument("--task", nargs="+", choices=names, default=names, help="all of them")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the training"
    )
    arguments = parse(__doc__, parser)
    quick = arguments.smoke or arguments.quick
    recipes = [one for one in RECIPES if one.name in arguments.task]
    given = {name: yaml.safe_load(value) for name, value in _pairs(arguments.set)}
    figures, name = Figures(), "retrain_smoke" if quick else "retrain"
    settings = Settings(studio_home=arguments.home / time.strftime("%Y%m%d-%H%M%S"))
    ports = Ports(gateway_port=free_port(), mlflow_port=free_port())
    starter = [] if quick else [publisher()]
    programs = [*postgres(settings), mlflow(ports), *starter, gateway(ports)]
    env = environment(settings) | {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports.mlflow_port}"}
    if quick:  # elsewhere nothing is promoted by these
        env["ALLOW_GATES"] = json.dumps([digest_of(smoke(recipe.name)) for recipe in recipes])
    stack = Stack(settings, programs, env, say=figures.say)
    with stack.running(prepare=prepare):
        started = time.perf_counter()
        together = [recipes] if len(recipes) == len(RECIPES) else [[one] for one in recipes]
        engine, versions, refused = open_engine(settings), dict[str, str](), list[str]()
        for jobs in together:
            job_began = time.perf_counter()
            if run_job(settings, env, {one.key: run_config(one, given, quick) for one in jobs}):
                versions |= {one.name: wait_for_version(engine, one.name, quick) for one in jobs}
            else:  # such as a gate that is closed: its log says which
                refused += [one.name for one in jobs]
            for one in jobs if len(jobs) == 1 else []:
                figures.add(f"{name}.{one.name}.seconds", time.perf_counter() - job_began)
        figures.add(f"{name}.seconds", time.perf_counter() - started)
        for task, version in versions.items():
            figures.add(f"{name}.{task}.version", float(version))
    figures.say(f"kept in {settings.home()}")
    figures.print()
    if refused:
        sys.exit(f"nothing was released for: {', '.join(refused)}")


def _pairs(items: list[str]) -> list[list[str]]:
    return [item.split("=", 1) for item in items]


def run_config(recipe: Recipe[Any], given: dict[str, object], quick: bool) -> dict[str, object]:
    """Return the configuration of a recipe's steps."""
    ops: dict[str, object] = {}
    if isinstance(recipe.made_by, TrainingPlan):
        config = recipe.made_by.smoke if quick else recipe.made_by.config
        ops[f"{recipe.key}__trained_model"] = {"config": config.model_dump() | given}
    elif quick:
        per_label = {"photos_per_label": recipe.made_by.smoke_per_label}
        ops[f"{recipe.key}__exported_models"] = {"config": per_label}
    if quick:
        files = [str(file) for file in smoke(recipe.name)]
        ops[f"{recipe.key}__registered_version_gates"] = {"config": {"files": files}}
    return ops


def run_job(settings: Settings, env: dict[str, str], ops: dict[str, dict[str, object]]) -> bool:
    """Run Dagster's job in a process of its own; return whether it passed. Its log is shown."""
    name = "retrain" if len(ops) == len(RECIPES) else f"retrain_{next(iter(ops))}"
    config = settings.home() / "retrain.json"
    config.write_text(
        json.dumps({"ops": {op: one for by in ops.values() for op, one in by.items()}})
    )
    command = [str(Path(sys.executable).parent / "dagster"), "job", "execute"]
    command += ["-m", "dagster_project.definitions", "-j", name, "-c", str(config)]
    ended = subprocess.run(command, env=os.environ | env, cwd=settings.home(), check=False)
    return ended.returncode == 0


def wait_for_version(engine: Engine, task: str, quick: bool, wait_s: float = 60.0) -> str:
    """Wait until the new version is published; return it."""
    beside_starter = not quick and (STARTERS / task / "card.json").is_file()
    slot = CHALLENGER if beside_starter else CHAMPION
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        published = read_slots(engine).get((task, slot))
        if published is not None:
            return published.version
        time.sleep(0.2)
    raise TimeoutError(f"no version of {task} is published as its {slot}")


if __name__ == "__main__":
    main()
