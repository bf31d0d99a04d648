"""Packs the gateway with the published models inside: `python -m bentos.build`.

The bento serves on its own: its packages and models lie inside, so it needs neither this source,
nor MLflow, nor the database. Where the slots can be reached they override what is baked in;
`SLOTS=pinned` turns that off.
"""

import argparse
import os
import shutil
import tempfile
from importlib.metadata import requires
from pathlib import Path

import bentoml
from packaging.requirements import Requirement
from sqlalchemy import Engine

import bentos
import serving
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.errors import ModelUnavailable
from serving.models.local import FOLDER
from serving.models.slots import CHAMPION, read_slots
from serving.storage.objects import Storage, read_by_sha256, storage_of

_SERVICE = "from bentos.gateway.service import Gateway\n"


def build(engine: Engine, storage: Storage) -> str:
    """Build the bento from what is published now and return its tag.

    Raises
    ------
    ModelUnavailable
        If nothing is published yet.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for package in (serving, bentos):
            source = Path(str(package.__file__)).parent
            skip = shutil.ignore_patterns("__pycache__", "build.py")
            shutil.copytree(source, folder / source.name, ignore=skip)
        (folder / "service.py").write_text(_SERVICE)
        versions = bake_models(engine, storage, folder / "models")
        bento = bentoml.build(
            "service:Gateway",
            name="gateway",
            build_ctx=temporary,
            include=["service.py", "serving/**", "bentos/**", "models/**"],
            labels={"release": serving.__version__, **versions},
            python={"packages": serving_requirements(), "lock_packages": False},
        )
    return str(bento.tag)


def bake_models(engine: Engine, storage: Storage, folder: Path) -> dict[str, str]:
    """Write every published champion as `TASK/{model.onnx,card.json,VERSION}`; return versions."""
    versions: dict[str, str] = {}
    for (task, slot), published in read_slots(engine).items():
        if slot != CHAMPION:
            continue
        into = folder / task
        into.mkdir(parents=True)
        model = read_by_sha256(storage, FOLDER, published.model_sha256)
        card = read_by_sha256(storage, FOLDER, published.card_sha256)
        (into / "model.onnx").write_bytes(model)
        (into / "card.json").write_bytes(card)
        (into / "VERSION").write_text(published.version)
        versions[task] = published.version
    if not versions:
        raise ModelUnavailable("gateway", "nothing is published, so there is nothing to bake in")
    return versions


def serving_requirements() -> list[str]:
    """Return what the packages inside the bento need, from this project's `serve` extra."""
    needed = (Requirement(text) for text in requires("listing-studio") or [])
    return [
        str(Requirement(f"{need.name}{need.specifier}"))
        for need in needed
        if need.marker is None or need.marker.evaluate({"extra": "serve"})
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    settings = read_settings()
    os.environ.setdefault("BENTOML_HOME", str(settings.home() / "bentoml"))
    print(build(open_engine(settings), storage_of(settings)))


if __name__ == "__main__":
    main()
