"""Writes docs/benchmarks.md and the README's figures from what all.py kept in benchmarks/results.

Holds them against targets.yaml. The figures of a quick run count only where there is no full one,
and stay out of the README.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE, README = ROOT / "docs" / "benchmarks.md", ROOT / "README.md"
KEPT, QUICK_KEPT = HERE / "results", ROOT / "out" / "bench"
QUICK = " --quick"
MARKS = "<!-- benchmarks -->", "<!-- /benchmarks -->"

Row = Mapping[str, Any]


def main() -> None:
    """Run the command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    runs = read_runs()
    rows = [hold(target, runs) for target in yaml.safe_load((HERE / "targets.yaml").read_text())]
    PAGE.write_text(render(rows, runs))
    write_readme([row for row in rows if row["headline"] and row["value"] is not None])
    print("\n".join(table(("figure", "value", "target", ""), rows)))


def read_runs() -> list[Row]:
    """Return what was kept of each benchmark: the full run's, else the quick one's."""
    files = {file.stem: file for folder in (QUICK_KEPT, KEPT) for file in folder.glob("*.json")}
    return [{"name": name, **json.loads(files[name].read_text())} for name in sorted(files)]


def hold(target: Row, runs: Sequence[Row]) -> Row:
    """Return a row of the table: the worst figure of that name, its target, whether it is met."""
    at_most = "at_most" in target
    of_script = [run for run in runs if run["command"].removesuffix(QUICK) == target["command"]]
    values = [
        value
        for run in of_script
        for name, value in run["figures"].items()
        if fnmatchcase(name, target["figure"])
    ]
    value = (max if at_most else min)(values) if values else None
    bar = target["at_most" if at_most else "at_least"]
    met = value is not None and (value <= bar if at_most else value >= bar)
    quick = any(run["command"].endswith(QUICK) for run in of_script)
    return {
        "figure": f"`{target['figure']}`",
        "value": value,
        "target": f"{'≤' if at_most else '≥'} {bar:g}",
        "": "" if value is None else ("met" if met else "**missed**") + ", quick run" * quick,
        "command": f"`python benchmarks/{target['command']}`",
        "headline": None if quick else target.get("headline"),
    }


def table(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return lines + [f"| {' | '.join(_cell(row[name]) for name in columns)} |" for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, float | int):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "not measured" if value is None else str(value)


def render(rows: Sequence[Row], runs: Sequence[Row]) -> str:
    """Return docs/benchmarks.md."""
    lines = ["# Benchmarks", "", "Written by `make bench` from runs of the scripts in"]
    lines += ["[`benchmarks/`](../benchmarks); each prints its sample sizes.", "", "## Targets", ""]
    lines += table(("figure", "value", "target", "", "command"), rows)
    for run in runs:
        figures = [
            {"figure": f"`{name}`", "value": value} for name, value in run["figures"].items()
        ]
        lines += [
            "",
            f"## {run['name']}",
            "",
            f"`python benchmarks/{run['command']}`, {run['day']},",
        ]
        lines += [f"{run['minutes']} minutes on {run['machine']}.", ""]
        lines += table(("figure", "value"), figures)
    return "\n".join(lines) + "\n"


def write_readme(rows: Sequence[Row]) -> None:
    """Put the headline figures between the README's marks, if there are both."""
    text = README.read_text() if README.exists() else ""
    if rows and all(mark in text for mark in MARKS):
        before, rest = text.split(MARKS[0], 1)
        named = [{**row, "figure": row["headline"]} for row in rows]
        lines = [MARKS[0], *table(("figure", "value", "target", "command"), named)]
        README.write_text(before + "\n".join(lines) + "\n" + rest[rest.index(MARKS[1]) :])


if __name__ == "__main__":
    main()
