"""The house keeps its shape: what its rules say of every file is true of every file."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dagster_project", "bentos", "training", "registry", "serving", "stack", "synthetic")
SOURCES = sorted(
    path for top in (*PACKAGES, "benchmarks", "tests") for path in (ROOT / top).rglob("*.py")
)
LONGEST = 400


def test_no_file_is_too_long_to_read() -> None:
    long = {path.name: n for path in SOURCES if (n := len(path.read_text().splitlines())) > LONGEST}
    assert not long


def test_every_package_is_named_and_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["tool"]["setuptools"]["packages"]["find"]["include"]
    found = {name.rstrip("*") for name in named}
    assert found == set(PACKAGES)
    folders = {path.parent for path in SOURCES if path.relative_to(ROOT).parts[0] in PACKAGES}
    bare = [folder for folder in folders if not (folder / "__init__.py").exists()]
    # alembic's folder of revisions is data that happens to be Python
    assert [folder.name for folder in bare if "migrations" not in folder.parts] == []


def test_datasets_is_data() -> None:
    assert list((ROOT / "datasets").rglob("*.py")) == []


def test_no_path_of_somebodys_machine() -> None:
    machine = re.compile(r"""["'(=]/(work|home|root|Users)/""")
    assert [path.name for path in SOURCES if machine.search(path.read_text())] == []
    models = sorted((ROOT / "registry" / "starter").glob("*/model.onnx"))
    assert [model for model in models if b'File "/' in model.read_bytes()] == []


def test_a_serving_image_needs_no_training_packages() -> None:
    code = (
        "import sys, bentos.gateway.service, bentos.room_classifier.service;"
        "heavy = {'torch', 'mlflow', 'dagster', 'pandas', 'evidently'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
