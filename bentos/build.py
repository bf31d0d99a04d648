"""Packs the gateway and the worker with the published models inside: `python -m bentos.build`.

A bento serves on its own: its packages and models lie inside, so it needs neither this source nor
MLflow. Where the slots can be reached they override what is baked in; `SLOTS=pinned` turns that
off. Gateway and worker of one build carry the same version. `--gpu` builds them for machines with
an NVIDIA GPU: the gateway asks the model as a service that has the GPU to itself.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bentoml
import yaml
from sqlalchemy import Engine

import bentos
import serving
from bentos.gateway.app import create_app
from bentos.image import image_environment, serving_image
from serving.card import ModelCard
from serving.db.engine import open_engine
from serving.environment import read_settings
from serving.errors import ModelUnavailable
from serving.licences import LicencePolicy
from serving.models.routing import CHAMPION
from serving.models.slots import read_slots
from serving.storage.objects import Storage, read_by_sha256, storage_of
from serving.storage.prefixes import MODELS

# what BentoML finds in a bento: by name, then without a GPU (False) and with one (True)
_SERVICES = {
    "worker": {
        False: "from bentos.worker.service import Worker as Service\n",
        True: """from bentos.gpu import on_gpu
from bentos.worker.service import Worker

Service = on_gpu(Worker)
""",
    },
    "gateway": {
        False: "from bentos.gateway.service import Gateway as Service\n",
        True: """from bentos.gateway.service import make_gateway
from bentos.gpu import on_gpu
from bentos.model_services import model_services
from serving.environment import read_settings

Service = make_gateway(read_settings(), model_services(on_gpu))
""",
    },
}
_TOOLS = ("build.py", "image.py", "requirements*", "try_image.py")


def build(
    engine: Engine, storage: Storage, licences: LicencePolicy, gpu: bool = False
) -> list[str]:
    """Build the bentos from what is published now and return their tags, the gateway's last.

    Raises
    ------
    ModelUnavailable
        If nothing is published yet, or its licence may not be used here.
    """
    tags: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for package in (serving, bentos):
            source = Path(str(package.__file__)).parent
            skip = shutil.ignore_patterns("__pycache__", *_TOOLS)
            shutil.copytree(source, folder / source.name, ignore=skip)
        versions = bake_models(engine, storage, folder / "models", licences)
        version = None
        for name in _SERVICES:
            bento = _pack(folder, name, versions, gpu, version)
            version = bento.tag.version
            tags.append(str(bento.tag))
    return tags


def _pack(
    folder: Path, name: str, models: Mapping[str, str], gpu: bool, version: str | None
) -> bentoml.Bento:
    # a module of its own for each: Python keeps what it once imported
    module = f"{name}_bento_gpu" if gpu else f"{name}_bento"
    (folder / f"{module}.py").write_text(_SERVICES[name][gpu])
    # the image is not part of the module: what is needed to describe it is not there when it runs
    service: Any = bentoml.load(f"{module}:Service", working_dir=str(folder))
    service.image, service.envs = serving_image(gpu), image_environment(gpu)
    bento = bentoml.build(
        f"{module}:Service",
        name=name,
        version=version,
        build_ctx=str(folder),
        include=[f"{module}.py", "serving/**", "bentos/**", "models/**"],
        labels={"release": serving.__version__, "device": "gpu" if gpu else "cpu", **models},
        description=(folder / "bentos" / name / "README.md").read_text(),
    )
    if name == "gateway":
        document = create_app(serving.__version__).openapi()
        (Path(bento.path) / "apis" / "openapi.yaml").write_text(yaml.safe_dump(document))
    return bento


def bake_models(
    engine: Engine, storage: Storage, folder: Path, licences: LicencePolicy
) -> dict[str, str]:
    """Write every published champion as `TASK/{model.onnx,card.json,VERSION}`; return versions."""
    versions: dict[str, str] = {}
    for (task, slot), published in read_slots(engine).items():
        if slot != CHAMPION:
            continue
        card = read_by_sha256(storage, MODELS, published.card_sha256)
        refusal = licences.refusal(ModelCard.model_validate_json(card).licence)
        if refusal is not None:
            raise ModelUnavailable(task, f"version {published.version} is not baked in: {refusal}")
        into = folder / task
        into.mkdir(parents=True)
        model = read_by_sha256(storage, MODELS, published.model_sha256)
        (into / "model.onnx").write_bytes(model)
        (into / "card.json").write_bytes(card)
        (into / "VERSION").write_text(published.version)
        versions[task] = published.version
    if not versions:
        raise ModelUnavailable("gateway", "nothing is published, so there is nothing to bake in")
    return versions


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="bentos.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gpu", action="store_true", help="for machines with an NVIDIA GPU")
    asked = parser.parse_args()
    settings = read_settings()
    try:
        engine, storage = open_engine(settings), storage_of(settings)
        tags = build(engine, storage, settings.licences(), asked.gpu)
    except ModelUnavailable as error:
        parser.exit(1, f"error: {error}\n")
    print("\n".join(tags))


if __name__ == "__main__":
    main()
