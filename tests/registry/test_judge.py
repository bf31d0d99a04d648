import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.judge import FOLDER, Gate, judge, judge_by, read_gates, standard

FLOOR = Gate(figure="test/top1", at_least=0.9, why="a reason")
CEILING = Gate(figure="test/ece", at_most=0.05, why="another")


def test_every_closed_gate_is_a_reason_and_says_why() -> None:
    verdict = judge({"test/top1": 0.8, "test/ece": 0.2}, [FLOOR, CEILING])
    assert not verdict.passed
    assert len(verdict.reasons) == 2
    assert "at least 0.9" in verdict.reasons[0]
    assert "(another)" in verdict.reasons[1]


@given(st.floats(allow_nan=False))
def test_a_floor_lets_through_exactly_what_reaches_it(value: float) -> None:
    assert judge({"test/top1": value}, [FLOOR]).passed == (value >= 0.9)


@pytest.mark.parametrize("gate", [FLOOR, CEILING])
def test_not_a_number_passes_no_gate(gate: Gate) -> None:
    assert not judge({gate.figure: math.nan}, [gate]).passed


def test_what_was_not_measured_closes_a_required_gate_only() -> None:
    optional = FLOOR.model_copy(update={"required": False})
    assert not judge({}, [FLOOR]).passed
    assert judge({}, [optional]).passed
    assert not judge({"test/top1": 0.1}, [optional]).passed


def test_a_pattern_holds_for_every_slice() -> None:
    gate = Gate(figure="slice/source/*/top1", at_least=0.7, why="no source pays for the others")
    figures = {"slice/source/a/top1": 0.9, "slice/source/b/top1": 0.6, "slice/label/x/top1": 0.1}
    (reason,) = judge(figures, [gate]).reasons
    assert "slice/source/b/top1" in reason


@pytest.mark.parametrize("limits", [{}, {"at_least": 1, "at_most": 2}])
def test_a_gate_has_one_limit(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at_least or at_most"):
        Gate.model_validate({"figure": "x", "why": "y", **limits})


def test_a_verdict_names_the_files_that_judged_as_sha256sum_does(tmp_path: Path) -> None:
    file = tmp_path / "easy.yaml"
    file.write_text("- {figure: test/top1, at_least: 0.1, why: easy}\n")
    easy = judge_by({"test/top1": 0.5}, [file])
    shipped = judge_by({"test/top1": 0.5}, standard("room-classifier"))
    assert (easy.passed, shipped.passed) == (True, False)
    assert easy.gates_digest == hashlib.sha256(file.read_bytes()).hexdigest()
    both = (FOLDER / "common.yaml").read_bytes() + (FOLDER / "room-classifier.yaml").read_bytes()
    assert shipped.gates_digest == hashlib.sha256(both).hexdigest()
    assert easy.gates_file == str(file)
    assert shipped.gates_file == "common.yaml + room-classifier.yaml"


def test_a_task_adds_to_the_common_gates_and_may_set_another_limit(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text(
        "gates: [{figure: a, at_least: 1, why: all}, {figure: b, at_least: 1, why: all}]\n"
    )
    (tmp_path / "toy.yaml").write_text(
        "test_set: abc\n"
        "gates: [{figure: b, at_most: 5, why: own}, {figure: c, at_least: 0, why: own}]\n"
    )
    merged = read_gates(standard("toy", tmp_path))
    assert {(gate.figure, gate.why) for gate in merged.gates} == {
        ("a", "all"), ("b", "own"), ("c", "own"),
    }  # fmt: skip
    assert merged.test_set == "abc"
    assert standard("unheard-of", tmp_path) == (tmp_path / "common.yaml",)
    assert read_gates(standard("unheard-of", tmp_path)).test_set is None


def test_the_standard_gates_read_and_cover_what_the_design_asks_for() -> None:
    figures = {gate.figure for gate in read_gates(standard("room-classifier")).gates}
    assert {
        "data/validated", "test/frozen_share", "test/top1", "champion/*_difference.low",
        "test/ece", "slice/source/*/top1", "onnx/parity", "onnx/cpu_ms",
    } <= figures  # fmt: skip


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_gates_file_reads_and_each_limit_can_be_missed(file: Path) -> None:
    """A limit that no value misses is none."""
    for gate in read_gates([file]).gates:
        worst = -math.inf if gate.at_least is not None else math.inf
        assert gate.complaint(gate.figure, worst) is not None


def test_a_champion_that_could_not_be_compared_lets_nothing_pass() -> None:
    """A version of other labels, or of a broken score, has no difference that a gate could see."""
    (gate,) = (
        gate
        for gate in read_gates(standard("room-classifier")).gates
        if gate.figure == "champion/compared"
    )
    assert judge({}, [gate]).passed, "the first version has no champion"
    assert not judge({"champion/compared": 0.0}, [gate]).passed


def test_a_misspelt_gate_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gates.yaml"
    file.write_text("- figure: test/top1\n  at_leest: 0.9\n  why: typo\n")
    with pytest.raises(ValueError, match="at_leest"):
        read_gates([file])
