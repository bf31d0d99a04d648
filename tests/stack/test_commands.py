"""What BentoML's, Dagster's and Alembic's users type in the checkout works there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.programs import ROOT

pytestmark = pytest.mark.slow


def run(tmp_path: Path, program: str, *words: str) -> str:
    command = [str(Path(sys.executable).parent / program), *words]
    env = {"BENTOML_HOME": str(tmp_path / "bentoml"), "STUDIO_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | env, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bentoml_builds_and_lists_the_gateway(tmp_path: Path) -> None:
    run(tmp_path, "bentoml", "build")
    assert "gateway:" in run(tmp_path, "bentoml", "list")
    (bento,) = (tmp_path / "bentoml" / "bentos" / "gateway").glob("*/")
    assert (bento / "README.md").read_text().startswith("# gateway\n")
    assert {path.name for path in (bento / "src").iterdir()} == {
        "bentofile.yaml", "bentos", "serving",
    }  # fmt: skip
    wanted = (ROOT / "bentos" / "requirements.txt").read_text().splitlines()
    installed = (bento / "env" / "python" / "requirements.txt").read_text().splitlines()
    assert {line for line in wanted if "==" in line} <= set(installed)


def test_dg_checks_and_lists_the_definitions(tmp_path: Path) -> None:
    run(tmp_path, "dg", "check", "defs")
    assert "gateway_bento" in run(tmp_path, "dg", "list", "defs", "--json")
