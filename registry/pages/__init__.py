"""Pages for people that stand in one file: as artifacts in MLflow, in Dagster, in a mail."""

from collections.abc import Callable, Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

Filters = Mapping[str, Callable[..., str]]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("registry.pages", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: object) -> str:
    """Return a page; it loads nothing from anywhere."""
    return _environment().get_template(template).render(**values)
