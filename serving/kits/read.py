"""Reads the kits that come with the studio."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from serving.errors import BadInput
from serving.staging.kit import Kit

FOLDER = Path(__file__).parent


@cache
def read_kits(folder: Path = FOLDER) -> Mapping[str, Kit]:
    """Return the kits of a folder by their ids, each checked.

    `pieces.yaml` holds the furniture that kits have in common; a kit says which of it it takes.

    Raises
    ------
    BadInput
        If a kit is not as `Kit` wants it; the message says where.
    """
    shared = yaml.safe_load((folder / "pieces.yaml").read_text())
    found = (read_kit(path.read_text(), shared) for path in sorted(folder.glob("kit_*.yaml")))
    return {kit.id: kit for kit in found}


def read_kit(text: str, shared: Mapping[str, Mapping[str, object]]) -> Kit:
    """Return the kit that a YAML text tells.

    A piece is told whole, or takes `like:` a shared one and says what is different.
    """
    told = yaml.safe_load(text)
    try:
        for sku, piece in told.get("pieces", {}).items():
            like = piece.pop("like", None)
            if like is not None:
                told["pieces"][sku] = {**shared[like], **piece}
        return Kit.model_validate(told)
    except KeyError as error:
        raise BadInput(f"no shared piece is called {error}") from error
    except (ValidationError, AttributeError) as error:
        raise BadInput(f"not a design kit: {error}") from error
