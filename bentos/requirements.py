"""Writes what the images of the bentos install: `python -m bentos.requirements`.

The packages are those of this project's `serve` and `cpu` extras with all that they need in turn,
each with its extras and pinned as in `constraints.txt`. An image has no desktop: there, and there
alone, `opencv-python-headless` stands in for `opencv-python`, which needs libGL.
"""

import argparse
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "bentos" / "requirements.txt"
GPU_FILE = ROOT / "bentos" / "requirements-gpu.txt"
CPU_RUNTIME = "onnxruntime"
PYTHON = "3.11"

# what stands in for a package where there is no desktop: the same release under another name
_HEADLESS = {"opencv-python": "opencv-python-headless"}
_IMAGE = {
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.0",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
}


def image_requirements(gpu: bool) -> list[str]:
    """Return the pinned packages of an image, with the ONNX Runtime for a GPU or without.

    Both runtimes are the same importable package: an image holds one of them.
    """
    lines = _lines(FILE)
    if not gpu:
        return lines
    return [*(line for line in lines if _name(line) != CPU_RUNTIME), *_lines(GPU_FILE)]


def resolve(project: Mapping[str, object], pins: Mapping[str, str]) -> list[str]:
    """Return every package that serving needs, with extras and version, in alphabetical order.

    Parameters
    ----------
    project : the table `project` of pyproject.toml
    pins : the version of each package, by canonical name

    Raises
    ------
    KeyError
        If a package has no pin.
    """
    found = _closure(_wanted(project))
    lines = []
    for name in sorted(found):
        extras = f"[{','.join(sorted(found[name]))}]" if found[name] else ""
        lines.append(f"{_HEADLESS.get(name, name)}{extras}=={pins[name]}")
    return lines


def read_pins(constraints: Path) -> dict[str, str]:
    """Return the version of each package in a constraints file, by canonical name."""
    pairs = (line.partition("==") for line in _lines(constraints))
    return {canonicalize_name(name): version for name, _, version in pairs}


def current() -> list[str]:
    """Return what `requirements.txt` has to say, as pyproject.toml and constraints.txt stand."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return resolve(project, read_pins(ROOT / "constraints.txt"))


def _wanted(project: Mapping[str, object]) -> list[Requirement]:
    extras: Mapping[str, list[str]] = project["optional-dependencies"]  # type: ignore[assignment]
    direct: list[str] = project["dependencies"]  # type: ignore[assignment]
    return [Requirement(text) for text in (*direct, *extras["serve"], *extras["cpu"])]


def _closure(wanted: Iterable[Requirement]) -> dict[str, set[str]]:
    """Return the extras of each package that is reached from `wanted`."""
    found: dict[str, set[str]] = defaultdict(set)
    seen: set[tuple[str, str]] = set()
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        found[name] |= requirement.extras
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            queue += [need for need in _needs(name) if _applies(need, extra)]
    return found


@cache
def _needs(name: str) -> tuple[Requirement, ...]:
    try:
        return tuple(Requirement(text) for text in requires(name) or ())
    except PackageNotFoundError:
        # its own needs are not known here, and the list would lack them
        raise ModuleNotFoundError(
            f"{name} is not installed here: install the project anew, as `make check` does"
        ) from None


def _applies(need: Requirement, extra: str) -> bool:
    return need.marker is None or need.marker.evaluate({**_IMAGE, "extra": extra})


def _lines(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


def _name(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.requirements",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    head = "# Written by `python -m bentos.requirements` from pyproject.toml and constraints.txt.\n"
    FILE.write_text(head + "".join(f"{line}\n" for line in current()))
    print(f"{FILE}: {len(current())} packages")


if __name__ == "__main__":
    main()
