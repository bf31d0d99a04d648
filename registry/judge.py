"""May this version serve? Decided from numbers alone, by the limits in YAML files.

`registry/gates/common.yaml` holds for every task, `registry/gates/TASK.yaml` adds to it; where both
speak of the same figure the task's counts. Together they are the task's standard gates, known by
the SHA-256 of the one file after the other.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

FOLDER = Path(__file__).parent / "gates"
SMOKE_FOLDER = FOLDER / "smoke"
_COMMON = "common.yaml"


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
    gates_file, gates_digest : names and SHA-256 of the files that judged
    """

    model_config = ConfigDict(frozen=True)

    passed: bool
    reasons: tuple[str, ...] = ()
    gates_file: str = ""
    gates_digest: str = ""


class Gates(BaseModel):
    """What a gates file says.

    Attributes
    ----------
    test_set : SHA-256 of the frozen test set that the limits were made for; any, if not stated
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gates: tuple[Gate, ...]
    test_set: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_list(cls, given: object) -> object:
        """Read a file that is a list of gates, too."""
        return {"gates": given} if isinstance(given, list) else given

    def merge(self, further: "Gates") -> "Gates":
        """Return both; what `further` says of the same figure counts instead."""
        named = {gate.figure for gate in further.gates}
        kept = tuple(gate for gate in self.gates if gate.figure not in named)
        return Gates(gates=kept + further.gates, test_set=further.test_set or self.test_set)


def standard(task: str, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Return the files of a task's gates: the common ones, then its own if it has any."""
    own = folder / f"{task}.yaml"
    return (folder / _COMMON, own) if own.is_file() else (folder / _COMMON,)


def smoke(task: str) -> tuple[Path, ...]:
    """Return the files of the gates for a task's smoke job."""
    return standard(task, SMOKE_FOLDER)


def has_standard(task: str) -> bool:
    """Say whether anybody stated what this task's versions must show."""
    return len(standard(task)) > 1


def read_gates(files: Sequence[Path]) -> Gates:
    """Read the gates of some files, the later over the earlier."""
    read = (Gates.model_validate(yaml.safe_load(file.read_bytes())) for file in files)
    return reduce(Gates.merge, read)


def digest_of(files: Sequence[Path]) -> str:
    """Return the SHA-256 of gates files, as `cat FILE … | sha256sum` prints it."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def name_of(files: Sequence[Path]) -> str:
    """Return the files' names for people, such as `common.yaml + room-classifier.yaml`."""
    return " + ".join(str(file) if len(files) == 1 else file.name for file in files)


def judge_by(figures: Mapping[str, float], files: Sequence[Path]) -> Verdict:
    """Hold `figures` against the gates of some files; the verdict names them by their SHA-256."""
    found = judge(figures, read_gates(files).gates)
    return found.model_copy(update={"gates_file": name_of(files), "gates_digest": digest_of(files)})


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
