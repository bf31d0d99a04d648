"""The evidence by simulation: the fast path is the shipped code, and few ramps show the rates."""

import json
import os
import subprocess
import sys

import pytest

from stack.programs import ROOT

_FAST_IS_SHIPPED = """
from canary_fleet import Fleet
from canary_ramp import Ramp, Setting
from canary_traffic import Version, World
from registry.ramp.rules import read_rules

rules = read_rules("simulated")
crash = World(challenger=Version(error=0.2))
settings = {
    "sound": Setting(World()),
    "crash in shadow": Setting(crash),
    "crash among many at once": Setting(crash, per_day=20000, shadow=False, first_step=4),
    "slow without shadow": Setting(World(challenger=Version(slow=1.0)), shadow=False, first_step=2),
    "a room": Setting(World(wrong_room=True)),
    "dark photos": Setting(World(wrong=0.12)),
    "sure everywhere": Setting(World(sure=0.027)),
    "overrides": Setting(World(challenger=Version(override=0.3)), shadow=False, first_step=3,
                         stays=True),
}
for name, setting in settings.items():
    seeds = range(1 if name == "sound" else 3)
    one_by_one = [Ramp(setting, rules, seed).run() for seed in seeds]
    assert Fleet(setting, rules, seeds).run() == one_by_one, name
    print(name, [(one.end, one.listings) for one in one_by_one])
"""


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT / "benchmarks",
        # the parts of a benchmark import each other
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_many_ramps_at_once_end_as_each_does_by_the_shipped_code() -> None:
    said = run("-c", _FAST_IS_SHIPPED)
    assert "sound [('promote'" in said
    assert said.count("roll_back") == 21


@pytest.mark.slow
def test_few_simulated_ramps_already_show_the_rates() -> None:
    figures = json.loads(run("canary_power.py", "--quick").splitlines()[-1])
    assert figures["canary.identical.rolled_back"] == 0
    assert figures["canary.identical.reach_all"] >= 0.95
    for defect in ("crash", "slow", "one_room"):
        assert figures[f"canary.{defect}.shadow.found"] == 1
        assert figures[f"canary.{defect}.shadow.harmed_median"] == 0
        assert figures[f"canary.{defect}.no_shadow.harmed_median"] <= 25
    for per_day in (0, 5):
        assert figures[f"canary.per_day_{per_day}.advanced"] == 0
        assert figures[f"canary.per_day_{per_day}.alerted"] == 1
