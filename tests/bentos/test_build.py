"""What a bento consists of. `python -m bentos.try_image` starts one in a root of its own."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from bentos.requirements import ROOT, current, image_requirements, read_pins, resolve
from serving.models.slots import Published
from serving.settings import Settings
from tests.fakes import TASK


def names(lines: list[str]) -> set[str]:
    return {Requirement(line).name for line in lines}


def test_the_requirements_are_those_of_pyproject_and_constraints() -> None:
    assert image_requirements(gpu=False) == current(), "run python -m bentos.requirements"


def test_extras_are_kept_and_all_is_pinned() -> None:
    lines = image_requirements(gpu=False)
    pins = read_pins(ROOT / "constraints.txt")
    assert f"psycopg[binary,pool]=={pins['psycopg']}" in lines
    assert {"psycopg-binary", "psycopg-pool"} <= names(lines), "what the extras bring"
    assert all([clause.operator for clause in Requirement(line).specifier] == ["=="]
               for line in lines)  # fmt: skip


@pytest.mark.parametrize("gpu", [False, True])
def test_an_image_holds_one_opencv_without_a_desktop_and_one_runtime(gpu: bool) -> None:
    found = names(image_requirements(gpu))
    assert {name for name in found if name.startswith("opencv")} == {"opencv-python-headless"}
    runtime = {name for name in found if name.startswith("onnxruntime")}
    assert runtime == {"onnxruntime-gpu" if gpu else "onnxruntime"}
    assert ("nvidia-cudnn-cu13" in found) is gpu
    assert not {"torch", "mlflow", "dagster", "evidently"} & found


def test_a_package_that_is_not_installed_is_named_rather_than_left_without_its_needs() -> None:
    extras = {"serve": ["no-such-package"], "cpu": []}
    with pytest.raises(ModuleNotFoundError, match="no-such-package is not installed"):
        resolve({"dependencies": [], "optional-dependencies": extras}, {"no-such-package": "1"})


def test_a_package_without_a_version_is_named() -> None:
    project = {"dependencies": ["numpy"], "optional-dependencies": {"serve": [], "cpu": []}}
    with pytest.raises(KeyError, match="numpy"):
        resolve(project, {})


def run_build(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty store of bentos in the home."""
    env = {
        "STUDIO_HOME": str(settings.home()),
        "DATABASE_URL": str(settings.database_url),
        "BENTOML_HOME": str(settings.home() / "bentoml"),
    }
    command = [sys.executable, "-m", "bentos.build", *words]
    return subprocess.run(
        command, env=os.environ | env, check=False, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("gpu", [False, True])
def test_gateway_and_worker_are_built_together_and_say_what_they_are(
    settings: Settings, published: Published, gpu: bool
) -> None:
    done = run_build(settings, *(["--gpu"] if gpu else []))
    assert done.returncode == 0, done.stderr
    tags = [tag.split(":") for tag in done.stdout.split()]
    assert [name for name, _ in tags] == ["worker", "gateway"]
    assert tags[0][1] == tags[1][1], "siblings carry the same version"
    for name, version in tags:
        folder = settings.home() / "bentoml" / "bentos" / name / version
        assert (folder / "README.md").read_text().startswith(f"# {name}\n")
        installed = (folder / "env" / "python" / "requirements.txt").read_text().splitlines()
        assert set(image_requirements(gpu)) <= set(installed)
        dockerfile = (folder / "env" / "docker" / "Dockerfile").read_text()
        assert "FROM python:3.11-slim-bookworm" in dockerfile
        assert "apt-get" not in dockerfile
        assert ("NVIDIA_DRIVER_CAPABILITIES" in dockerfile) is gpu
        assert (folder / "src" / "models" / TASK / "model.onnx").is_file()
        assert not list((folder / "src").rglob("build.py")), "nothing that the image cannot run"
        manifest = yaml.safe_load((folder / "bento.yaml").read_text())
        assert manifest["labels"][TASK] == published.version
        resources = [service["config"].get("resources") for service in manifest["services"]]
        assert ({"gpu": 1} in resources) is gpu
    document = yaml.safe_load((folder / "apis" / "openapi.yaml").read_text())
    assert document["info"]["title"] == "Virtual Listing Studio"
    assert "/internal/photos/classify" in document["paths"]


@pytest.mark.slow
def test_nothing_published_is_nothing_to_build(settings: Settings) -> None:
    done = run_build(settings)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "nothing is published" in done.stderr
    assert not list((settings.home() / "bentoml").rglob("bento.yaml"))


def libraries(package: str) -> dict[Path, set[str]]:
    """Return the libraries outside of itself that each binary of an installed package needs."""
    try:
        files = [Path(str(file.locate())) for file in distribution(package).files or ()]
    except PackageNotFoundError:
        return {}  # the image's own: the one with a desktop is installed here
    own = {file.name for file in files}
    binaries = [
        file
        for file in files
        if (".so" in file.name or file.parent.name == "bin")
        and not file.name.startswith("libecpg")  # for SQL inside of C: nothing loads it
        and file.is_file()
    ]
    said = subprocess.run(["ldd", *map(str, binaries)], check=False, capture_output=True, text=True)
    found: dict[Path, set[str]] = {}
    for block in re.split(r"^(?=/\S+:$)", said.stdout, flags=re.MULTILINE):
        needed = set(re.findall(r"^\s+(\S+) => ", block, flags=re.MULTILINE))
        found[Path(block.partition(":")[0])] = needed - own
    return found


# what Debian's minimal system and Python's image hold, of what wheels ask for
SLIM = re.compile(
    r"lib(c|m|mvec|dl|rt|pthread|util|gcc_s|stdc\+\+|z|crypt|resolv|bz2|lzma)\.so\.\d+$"
)


@pytest.mark.slow
def test_every_binary_of_the_image_finds_its_libraries_in_a_slim_debian() -> None:
    missing = {
        (binary.name, library)
        for line in image_requirements(gpu=False)
        for binary, needed in libraries(Requirement(line).name).items()
        for library in needed
        if not SLIM.match(library)
    }
    assert not missing, "the wheel does not bring it: declare a system package in bentos/image.py"
