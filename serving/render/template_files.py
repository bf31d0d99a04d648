"""Reads the templates and fonts that come with the product."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import serving.video
from serving.errors import BadInput
from serving.video.edit.templates import Template, parse_template, validate_template

_FOLDER = Path(next(iter(serving.video.__path__)))


@cache
def shipped_templates() -> Mapping[str, Template]:
    """Return every shipped template by its name, in alphabetical order."""
    files = sorted((_FOLDER / "template_files").glob("*.yaml"))
    templates = [parse_template(file.read_text(encoding="utf-8")) for file in files]
    return {template.name: template for template in templates}


def find_template(name: str) -> Template:
    """Return a shipped template; BadInput names those there are."""
    templates = shipped_templates()
    if name not in templates:
        raise BadInput(f"no template is named '{name}'; there are {', '.join(templates)}")
    return templates[name]


def open_template(asked: str | dict[str, Any]) -> Template:
    """Return a shipped template by its name, or the one that is given in full."""
    return find_template(asked) if isinstance(asked, str) else validate_template(asked)


@cache
def shipped_fonts() -> Mapping[str, bytes]:
    """Return the font files by the names that templates use: `sans-bold`, `display-regular`."""
    return {file.stem: file.read_bytes() for file in sorted((_FOLDER / "fonts").glob("*.ttf"))}
