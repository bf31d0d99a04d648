"""Figures and pictures as Dagster's pages show them."""

import base64
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

_PLOTTED = ("data/", "test/", "champion/", "onnx/")


def picture(png: bytes) -> dg.MetadataValue:
    """Show a PNG."""
    data = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{data})")


def link(page: str) -> dg.MetadataValue:
    """Show an address: as a link where it is one, else as text."""
    shown = dg.MetadataValue.url if page.startswith("http") else dg.MetadataValue.text
    return shown(page)


def plots(values: Mapping[str, float]) -> dict[str, dg.MetadataValue]:
    """Return the chief figures as numbers, which Dagster plots over all materializations."""
    return {
        name: dg.MetadataValue.float(float(value))
        for name, value in sorted(values.items())
        if name.startswith(_PLOTTED)
    }


def figures(values: Mapping[str, float]) -> dg.MetadataValue:
    """Show figures as a table, each with its 95 % interval where it has one."""
    lines = ["| figure | value | 95 % interval |", "|---|---|---|"]
    for name in sorted(name for name in values if not name.endswith((".low", ".high"))):
        ends = [values.get(f"{name}.{end}") for end in ("low", "high")]
        interval = " – ".join(f"{end:.4f}" for end in ends if end is not None)
        lines.append(f"| {name} | {values[name]:.4f} | {interval} |")
    return dg.MetadataValue.md("\n".join(lines))


def groups(forecast: Mapping[str, Any]) -> dg.MetadataValue:
    """Show how otherwise than the champion a version answers, by group; `*` is all of them."""
    lines = [
        "| group | photos | answered otherwise | at most | distance | at most | surer | interval |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in forecast["groups"].items():
        shares = (found[key] for key in ("disagree", "disagree_high", "distance", "distance_high"))
        shown = " | ".join(f"{share:.1%}" for share in shares)
        shift, low, high = (found[key] for key in ("shift", "shift_low", "shift_high"))
        shown += f" | {shift:+.1%} | {low:+.1%} – {high:+.1%}"
        lines.append(f"| {_cell('all' if name == '*' else name)} | {found['n']:,} | {shown} |")
    return dg.MetadataValue.md("\n".join(lines))


def table(frame: pd.DataFrame, index: bool = True) -> dg.MetadataValue:
    """Show a small table, its index included."""
    rows = frame.reset_index() if index else frame
    head = "| " + " | ".join(map(str, rows.columns)) + " |\n" + "|---" * len(rows.columns) + "|\n"
    body = "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows.to_numpy())
    return dg.MetadataValue.md(head + body)


def _cell(value: object) -> str:
    """Return a cell's text: nothing in it ends the cell."""
    return " ".join(str(value).replace("|", "\\|").split())
