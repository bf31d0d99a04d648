"""Whatever is killed, accepted jobs end once and the backend hears of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.programs import ROOT

pytestmark = pytest.mark.slow


def test_nothing_accepted_is_lost_or_done_twice_while_everything_is_killed(tmp_path: Path) -> None:
    """200 jobs, 20 kills: workers, gateway, supervisor and PostgreSQL, five of each."""
    words = ["--jobs", "200", "--kills", "20", "--seed", "3", "--home", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "chaos.py"), *words],
        # the parts of a benchmark import each other
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["chaos.jobs"] == 200, done.stdout
    for kind in ("worker", "gateway", "supervisor", "postgres"):
        assert figures[f"chaos.kills.{kind}"] == 5
    wrong = (
        "lost", "stuck", "duplicate_results", "jobs_made_twice", "not_accepted", "wrong_results",
        "bad_signatures", "orphans",
    )  # fmt: skip
    assert {name: figures[f"chaos.{name}"] for name in wrong} == dict.fromkeys(wrong, 0), (
        done.stdout
    )
