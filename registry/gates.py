"""May this version serve? Decided from numbers alone, by the limits in a YAML file."""

import hashlib
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

STANDARD = Path(__file__).parent / "gates.yaml"
SMOKE = Path(__file__).parent / "smoke_gates.yaml"


class Gate(BaseModel):
    """One limit on one figure, or on all figures that match a pattern.

    Attributes
    ----------
    figure : a name, or a pattern such as `slice/label/*/top1`
    required : a figure that is missing closes the gate; without it, the gate is passed over
    why : what stands behind the limit, for whoever meets it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    required: bool = True
    why: str

    @model_validator(mode="after")
    def _one_limit(self) -> "Gate":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.figure}: give at_least or at_most")
        return self

    def complaint(self, name: str, value: float) -> str | None:
        """Say what is wrong with `value`, or nothing. Not a number is always wrong."""
        if self.at_least is not None and not value >= self.at_least:
            return f"{name} is {value:.4g}, at least {self.at_least:g} is needed ({self.why})"
        if self.at_most is not None and not value <= self.at_most:
            return f"{name} is {value:.4g}, at most {self.at_most:g} is allowed ({self.why})"
        return None


class Verdict(BaseModel):
    """Whether a version may serve, with every reason against it, and by which gates.

    Attributes
    ----------
    gates_file, gates_digest : path and SHA-256 of the file that judged
    """

    model_config = ConfigDict(frozen=True)

    passed: bool
    reasons: tuple[str, ...] = ()
    gates_file: str = ""
    gates_digest: str = ""


def read_gates(path: Path = STANDARD) -> tuple[Gate, ...]:
    """Read the gates of a file such as `registry/gates.yaml`."""
    return _parse(path.read_bytes())


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a gates file, as `sha256sum` prints it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _parse(data: bytes) -> tuple[Gate, ...]:
    return tuple(Gate.model_validate(item) for item in yaml.safe_load(data))


def judge_by(figures: Mapping[str, float], path: Path = STANDARD) -> Verdict:
    """Hold `figures` against the gates of a file; the verdict names the file by its SHA-256."""
    data = path.read_bytes()
    found = judge(figures, _parse(data))
    digest = hashlib.sha256(data).hexdigest()
    return found.model_copy(update={"gates_file": str(path), "gates_digest": digest})


def judge(figures: Mapping[str, float], gates: Collection[Gate]) -> Verdict:
    """Hold `figures` against `gates`.

    Examples
    --------
    >>> gate = Gate(figure="test/top1", at_least=0.9, why="the linear probe has it")
    >>> judge({"test/top1": 0.85}, [gate]).reasons[0]
    'test/top1 is 0.85, at least 0.9 is needed (the linear probe has it)'
    >>> judge({}, [gate]).passed
    False
    """
    reasons: list[str] = []
    for gate in gates:
        names = sorted(name for name in figures if fnmatchcase(name, gate.figure))
        if not names and gate.required:
            reasons.append(f"{gate.figure} was not measured ({gate.why})")
        complaints = (gate.complaint(name, figures[name]) for name in names)
        reasons.extend(complaint for complaint in complaints if complaint)
    return Verdict(passed=not reasons, reasons=tuple(reasons))
