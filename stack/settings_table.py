"""Writes the tables of settings in docs/operations.md: `python -m stack.settings_table`.

Made from the classes that read the environment, so that no setting is missing there, and none is
described that is gone.
"""

import argparse
import enum
import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from serving.settings import Settings
from stack.programs import ROOT, Ports, Workers
from training.data.settings import DataSettings

FILE = ROOT / "docs" / "operations.md"
_BETWEEN = re.compile(r"(?<=<!-- settings -->\n).*(?=<!-- /settings -->)", re.DOTALL)
_KINDS: dict[str, type[BaseSettings]] = {
    "Gateways, workers, publisher, Dagster's code": Settings,
    "Ports of `make dev`": Ports,
    "Workers of `make dev`": Workers,
    "Training data": DataSettings,
}


def tables() -> str:
    """Return the tables, one for each class, in the order in which the settings are declared."""
    parts = []
    for title, kind in _KINDS.items():
        rows = [_row(name, field) for name, field in kind.model_fields.items()]
        head = ["| name | default | what | values |", "|---|---|---|---|"]
        parts.append("\n".join([f"**{title}**", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def write(text: str) -> str:
    """Return the page with its tables as they have to be."""
    return _BETWEEN.sub(lambda _: f"\n{tables()}\n", text)


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{name.upper()}`", _default(field), field.description or "", _values(field))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return "–"
    if isinstance(value, (tuple, dict)):
        return f"`{json.dumps(value)}`"
    if isinstance(value, float) and value == int(value):
        return f"`{int(value)}`"
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


def _values(field: FieldInfo) -> str:
    choices = ", ".join(f"`{choice}`" for choice in _choices(field.annotation))
    return choices or ", ".join(_bounds(field.metadata))


def _choices(kind: Any) -> Iterable[object]:  # noqa: ANN401 # any annotation
    origin = get_origin(kind)
    if origin is Literal:
        return get_args(kind)
    if origin is Annotated:
        return _choices(get_args(kind)[0])
    if origin in (Union, UnionType):
        rest = [part for part in get_args(kind) if part is not NoneType]
        return _choices(rest[0]) if len(rest) == 1 else ()
    return ("true", "false") if kind is bool else ()


def _bounds(metadata: Iterable[object]) -> Iterable[str]:
    for part in metadata:
        for sign, kind, name in (
            (">", annotated_types.Gt, "gt"), ("≥", annotated_types.Ge, "ge"),
            ("<", annotated_types.Lt, "lt"), ("≤", annotated_types.Le, "le"),
        ):  # fmt: skip
            if isinstance(part, kind):
                yield f"{sign} {getattr(part, name)}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="stack.settings_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    FILE.write_text(write(FILE.read_text()))
    print(FILE.relative_to(Path.cwd()) if FILE.is_relative_to(Path.cwd()) else FILE)


if __name__ == "__main__":
    main()
