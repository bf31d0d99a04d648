"""Figures and pictures as Dagster's pages show them."""

import base64
from collections.abc import Mapping

import dagster as dg
import pandas as pd


def picture(png: bytes) -> dg.MetadataValue:
    """Show a PNG."""
    data = base64.b64encode(png).decode()
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{data})")


def figures(values: Mapping[str, float]) -> dg.MetadataValue:
    """Show figures as a table, each with its 95 % interval where it has one."""
    lines = ["| figure | value | 95 % interval |", "|---|---|---|"]
    for name in sorted(name for name in values if not name.endswith((".low", ".high"))):
        ends = [values.get(f"{name}.{end}") for end in ("low", "high")]
        interval = " – ".join(f"{end:.4f}" for end in ends if end is not None)
        lines.append(f"| {name} | {values[name]:.4f} | {interval} |")
    return dg.MetadataValue.md("\n".join(lines))


def table(frame: pd.DataFrame) -> dg.MetadataValue:
    """Show a small table, its index included."""
    rows = frame.reset_index()
    head = "| " + " | ".join(map(str, rows.columns)) + " |\n" + "|---" * len(rows.columns) + "|\n"
    body = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows.to_numpy())
    return dg.MetadataValue.md(head + body)
