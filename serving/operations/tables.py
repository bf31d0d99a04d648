"""Formats what operators read: tables, ages, and the outcomes of several actions."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from serving.errors import BadInput

_LONGEST_CELL = 64  # a SHA-256


def apply_to_each(ids: Iterable[object], act: Callable[[object], str]) -> int:
    """Act on each and print how that went; return the exit code."""
    done = refused = 0
    for name in ids:
        try:
            print(f"{name}\t{act(name)}")
        except BadInput as error:
            print(f"{name}\tnot done: {error}", file=sys.stderr)
            refused += 1
        else:
            done += 1
    if done + refused != 1:
        print(f"{done} done" + (f", {refused} not" if refused else ""))
    return 1 if refused else 0


def format_age(at: datetime) -> str:
    """Say how long ago a time was, or in how long it will be."""
    seconds = (datetime.now(UTC) - at).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * length:
            count = f"{abs(seconds) / length:.0f} {unit}"
            break
    else:
        count = f"{abs(seconds):.0f} s"
    return f"{count} ago" if seconds >= 0 else f"in {count}"


def format_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below their heads, in columns."""
    lines = [heads, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
