from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from registry.ramp.rules import FOLDER, RampRules, read_rules

COMMON = yaml.safe_load((FOLDER / "common.yaml").read_text())


def test_all_rules_shipped_can_be_read_and_kept_as_json() -> None:
    for file in FOLDER.glob("*.yaml"):
        rules = read_rules(file.stem)
        assert RampRules.model_validate_json(rules.model_dump_json()) == rules


def test_a_task_says_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text(yaml.safe_dump(COMMON))
    own = "error: {ceiling: 0.02, why: its photos are damaged more often}\n"
    (tmp_path / "some-task.yaml").write_text(own)
    common, rules = read_rules("other", tmp_path), read_rules("some-task", tmp_path)
    assert rules.error.ceiling == 0.02
    assert rules.error.weight == common.error.weight
    assert rules.model_copy(update={"error": common.error}) == common


def test_an_empty_file_of_a_task_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text(yaml.safe_dump(COMMON))
    (tmp_path / "some-task.yaml").write_text("# nothing differs\n")
    assert read_rules("some-task", tmp_path) == read_rules("other", tmp_path)


@pytest.mark.parametrize(
    ("part", "change", "complaint"),
    [
        ("error", {"weight": 0.9}, "weights of all metrics sum"),
        ("certainty", {"weight": 0.1}, "weights of all metrics sum"),
        ("steps", COMMON["steps"][::-1], "must rise"),
        ("steps", COMMON["steps"][:3], "end with 100"),
        ("approval", {"before": ["often"]}, "no step named often"),
        ("quiet_hours", {"zone": "Europe/Nowhere"}, "Europe/Nowhere"),
        ("error", {"why": ""}, "at least 10"),
        ("error", {"celing": 0.1}, "celing"),
        ("wrong_decisions", {"roll_back": 0.5}, "less than or equal to 0.1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(part: str, change: object, complaint: str) -> None:
    merged = {**COMMON[part], **change} if isinstance(change, dict) else change
    with pytest.raises(ValidationError, match=complaint):
        RampRules.model_validate({**COMMON, part: merged})
