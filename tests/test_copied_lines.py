"""What two models have in common belongs into `training/loop`, and is written once."""

from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = {"loop", "data"}
RUN = 4  # lines in a row that are not alike by chance
MOST = 20


def read_lines(folder: Path) -> list[str]:
    """Return the lines of a folder's Python files that say something, without indentation."""
    lines = []
    for file in sorted(folder.rglob("*.py")):
        for line in file.read_text("utf-8").splitlines():
            line = line.strip()
            said = line and not line.startswith(("#", "import ", "from "))
            if said and any(character.isalnum() for character in line):
                lines.append(line)
    return lines


def count_copied(first: Path, second: Path) -> int:
    """Return how many lines of `first` stand in a run of `RUN` that is in `second` too."""
    ours, theirs = read_lines(first), read_lines(second)
    runs = {tuple(theirs[i : i + RUN]) for i in range(len(theirs) - RUN + 1)}
    copied = {
        place
        for i in range(len(ours) - RUN + 1)
        if tuple(ours[i : i + RUN]) in runs
        for place in range(i, i + RUN)
    }
    return len(copied)


def test_no_two_models_share_more_than_a_few_lines() -> None:
    folders = [
        path
        for path in (ROOT / "training").iterdir()
        if path.is_dir() and (path / "__init__.py").exists() and path.name not in SHARED
    ]
    assert len(folders) >= 1
    copied = {
        (one.name, other.name): count
        for one, other in combinations(folders, 2)
        if (count := count_copied(one, other)) > MOST
    }
    assert copied == {}, f"more than {MOST} lines; move what is common into training/loop"


def test_copied_lines_are_found_wherever_they_stand(tmp_path: Path) -> None:
    common = "\n".join(f"    total_{n} = values[{n}] * 2" for n in range(MOST + 1))
    for name, before in (
        ("a", "def first():"),
        ("b", "# note\nimport os\nclass B:\n  def second():"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(
            f"{before}\n{common}\n    return total_{name}\n"
        )
    assert count_copied(tmp_path / "a", tmp_path / "b") == MOST + 1
    assert count_copied(tmp_path / "b", tmp_path / "a") == MOST + 1
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "c.py").write_text("def third():\n    return 3\n")
    assert count_copied(tmp_path / "a", tmp_path / "c") == 0
