"""How an entry point reads its settings: all faults said at once, in words, and no traceback."""

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from serving.settings import Settings

Kind = TypeVar("Kind", bound=BaseSettings)

_BAD_SETTINGS = 2  # as argparse ends over a bad command line
# Ours too, but read by other programs or other parts of the studio.
_OTHERS = frozenset(
    {
        "DAGSTER_HOME",
        "DAGSTER_POSTGRES_URL",
        "DAGSTER_PORT",
        "GATEWAY_PORT",
        "MLFLOW_BACKEND_STORE_URI",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT",
        "MLFLOW_PORT",
        "MLFLOW_REGISTRY_URI",
        "STUDIO_DATA",
        "STUDIO_DATASETS",
        "WORKERS",
    }
)
# between WEBHOOK_SECRET and WEBHOOK_SECRETS 0.97, between STORAGE_URI and STORAGE_URL 0.91
_ALIKE = 0.87


def read_settings() -> Settings:
    """Return the settings of the environment; see `read`."""
    return read(Settings)


def read(kind: type[Kind], **given: object) -> Kind:
    """Return the settings of that kind: what is given, else what the environment has.

    A name that is nearly one of ours is told on stderr.

    Raises
    ------
    SystemExit
        With code 2 if a setting is wrong; stderr then says of each what, never its value.
    """
    for name, meant in find_typos(os.environ, kind):
        print(f"warning: {name} is no setting; {meant} is meant?", file=sys.stderr)
    values: dict[str, Any] = given
    try:
        return kind(**values)
    except ValidationError as error:
        print(describe_faults(error), file=sys.stderr)
        raise SystemExit(_BAD_SETTINGS) from None


def describe_faults(error: ValidationError) -> str:
    """Return one line for each setting that is wrong, without its value."""
    faults = error.errors(include_input=False, include_url=False)
    lines = [f"  {_name(fault['loc'])}: {_said(fault['msg'])}" for fault in faults]
    few = "1 setting is wrong" if len(lines) == 1 else f"{len(lines)} settings are wrong"
    return "\n".join([f"error: {few}; nothing was started", *lines])


def find_typos(
    environment: Mapping[str, str] | Iterable[str], settings: type[BaseSettings]
) -> list[tuple[str, str]]:
    """Return names that are no setting but nearly one, each with the setting it is near to.

    Examples
    --------
    >>> find_typos(["WEBHOOK_SECRET", "HOME", "RATE_LIMIT"], Settings)
    [('WEBHOOK_SECRET', 'WEBHOOK_SECRETS')]
    """
    known = [name.upper() for name in settings.model_fields]
    unknown = [name for name in environment if name.upper() not in {*known, *_OTHERS}]
    near = ((name, difflib.get_close_matches(name.upper(), known, 1, _ALIKE)) for name in unknown)
    return [(name, found[0]) for name, found in near if found]


def _name(place: tuple[int | str, ...]) -> str:
    name, *rest = place or ("(all)",)
    # what stands where a client's name should may be its key
    shown = rest if name != "api_keys" else ()
    return ".".join([str(name).upper(), *(str(part) for part in shown if part != "[key]")])


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
