"""Reads a Sweet Home 3D furniture library: which models there are, and how big."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Catalogue = Mapping[str, "Model"]
Rotation = tuple[float, ...]

PROPERTIES = "PluginFurnitureCatalog.properties"
UPRIGHT: Rotation = (1, 0, 0, 0, 1, 0, 0, 0, 1)
_ENTRY = re.compile(r"^(\w+)#(\d+)=(.*)$")


@dataclass(frozen=True)
class Model:
    """One piece of furniture: `size` is (width, height, depth) in metres, front towards +z."""

    name: str
    title: str
    size: tuple[float, float, float]
    path: Path
    creator: str
    license: str
    rotation: Rotation = UPRIGHT


def read_catalogue(folder: Path) -> dict[str, Model]:
    """Read the models of a library that are really there.

    Parameters
    ----------
    folder : holds `PluginFurnitureCatalog.properties` and, directly or one level down, a folder
        per model

    Returns
    -------
    dict
        By the name of the model's OBJ file, in the order of the names.

    Raises
    ------
    FileNotFoundError
        If the folder has no catalogue.
    """
    entries: dict[int, dict[str, str]] = {}
    header: dict[str, str] = {}
    for line in (folder / PROPERTIES).read_text("latin-1").splitlines():
        if match := _ENTRY.match(line):
            entries.setdefault(int(match[2]), {})[match[1]] = match[3].strip()
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            header[key] = value.strip()
    models = (_read_model(folder, entry, header) for entry in entries.values())
    found = {model.name: model for model in models if model is not None}
    return dict(sorted(found.items()))


def _read_model(folder: Path, entry: dict[str, str], header: dict[str, str]) -> Model | None:
    inside = Path(entry["model"].lstrip("/"))
    places = (folder / inside, folder / inside.parent.name / inside.name)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None
    rotation = tuple(float(number) for number in entry.get("modelRotation", "").split())
    return Model(
        name=inside.stem,
        title=entry["name"],
        size=(_metres(entry["width"]), _metres(entry["height"]), _metres(entry["depth"])),
        path=path,
        creator=entry.get("creator", "unknown"),
        license=entry.get("license", header.get("license", "unknown")),
        rotation=rotation or UPRIGHT,
    )


def _metres(centimetres: str) -> float:
    return float(centimetres) / 100
