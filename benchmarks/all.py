"""Runs every benchmark, each in a process of its own, and writes the tables of their figures.

What was measured is kept in benchmarks/results (a quick run's in out/bench), from where tables.py
takes it: one benchmark run alone renews its own rows. What needs the photos of
STUDIO_DATA is left out without it. Ends with 1 if a benchmark broke; a target that is missed is
only said.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT, QUICK_KEPT = HERE / "results", ROOT / "out" / "bench"

# name → its script and arguments, in this order
COMMANDS = {
    "serving_cpu": ["serving_cpu.py"],
    "batching": ["batching.py"],
    "quantisation": ["quantisation.py"],
    "fuzz": ["fuzz.py"],
    "alias_swap": ["alias_swap.py"],
    "storage_faults": ["storage_faults.py"],
    "webhooks": ["webhooks.py"],
    "recall": ["recall.py"],
    "experiments": ["experiments.py"],
    "chaos": ["chaos.py"],
    "prediction_log": ["prediction_log.py"],
    "jobs": ["jobs.py"],
    "answers": ["answers.py"],
    "soak": ["soak.py"],
    "beats": ["beats.py"],
    "decode_cost": ["decode_cost.py"],
    "photo_quality": ["photo_quality.py"],
    "loudness": ["loudness.py"],
    "film": ["film.py"],
    "film_peers": ["film_peers.py"],
    "film_codecs": ["film_codecs.py"],
    "smoothness": ["smoothness.py"],
    "film_sheet": ["film_sheet.py"],
    "random_films": ["random_films.py"],
    "openapi_fuzz": ["openapi_fuzz.py"],
    "share": ["share.py"],
    "canary_power": ["canary_power.py"],
    "stickiness": ["stickiness.py"],
    "flips": ["flips.py"],
    "canary_cost": ["canary_cost.py"],
    "rollback": ["rollback.py"],
    "game_day": ["game_day.py"],
    "retrain_smoke": ["retrain.py", "--smoke"],
    "accuracy": ["accuracy.py"],
    "retrain": ["retrain.py"],
}
NEED_PHOTOS = ("photo_quality", "retrain_smoke", "accuracy", "retrain")
NOT_QUICK = ("retrain",)  # its quick run is the smoke
# `make` sets PYTHONSAFEPATH, but the benchmarks import each other
ENV = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples, for a first look")
    names = ", ".join(COMMANDS)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, metavar="NAME", help=names)
    parser.add_argument("--table", action="store_true", help="only write the tables anew")
    arguments = parser.parse_args()
    todo = [] if arguments.table else wanted(arguments.only, arguments.quick)
    broken = [name for name in todo if not run(name, arguments.quick)]
    print()
    subprocess.run([sys.executable, str(HERE / "tables.py")], env=ENV, check=True)
    for name in broken:
        print(f"{name} broke")
    return 1 if broken else 0


def wanted(only: Sequence[str] | None, quick: bool) -> Iterator[str]:
    """Yield what can be run here, saying what cannot."""
    for name in only or COMMANDS:
        if not (HERE / COMMANDS[name][0]).exists():
            print(f"{name}: there is no {COMMANDS[name][0]}")
        elif name in NEED_PHOTOS and "STUDIO_DATA" not in os.environ:
            print(f"{name}: left out, it needs STUDIO_DATA")
        elif not (quick and name in NOT_QUICK):
            yield name


def run(name: str, quick: bool) -> bool:
    """Run one benchmark, show what it says and keep its figures; say whether it came to its end."""
    words = COMMANDS[name] + ["--quick"] * quick
    print(f"\n=== {' '.join(words)}", flush=True)
    started, last = time.perf_counter(), ""
    command = [sys.executable, str(HERE / words[0]), *words[1:]]
    with subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line if line.startswith("{") else last
    if process.returncode or not last:
        return False
    kept = {
        "command": " ".join(words),
        "day": time.strftime("%Y-%m-%d"),
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "machine": machine(),
        "figures": json.loads(last),
    }
    folder = QUICK_KEPT if quick else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    return True


def machine() -> str:
    """Return what the figures depend on."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    model = found[1] if found else platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores of {model}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
