"""A model as MLflow keeps and serves it: ONNX, card and the code that answers with them."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.models.model import ModelInfo
from packaging.requirements import Requirement

import serving
from serving.card import ModelCard
from serving.models.standalone import StandaloneModel, example_file

_CODE = Path(__file__).parent / "task_model.py"
# beside what every part of the project needs, for `task_model` and what it imports of `serving`
_NEEDED = ("mlflow", "onnxruntime", "onnxruntime-gpu", "pandas")


def log_model(run_id: str, model: bytes, card: ModelCard) -> ModelInfo:
    """Log an ONNX model into the run that trained it, with an example of what to send."""
    files = {"model.onnx": model, "card.json": card.model_dump_json(indent=2).encode()}
    kind, asked = example_file(card)
    example = pd.DataFrame({kind: [asked]})
    answer = StandaloneModel(model, files["card.json"]).answer(asked)
    with _written(files) as folder, mlflow.start_run(run_id=run_id):
        info: ModelInfo = mlflow.pyfunc.log_model(
            name=card.task,
            python_model=str(_CODE),
            artifacts={"model": str(folder / "model.onnx"), "card": str(folder / "card.json")},
            code_paths=[str(folder / "serving")],
            signature=infer_signature(example, pd.DataFrame([answer])),
            input_example=example,
            pip_requirements=_requirements(),
        )
        return info


def _requirements() -> list[str]:
    """Return what is needed, extras too, in the versions here; of variants, those installed."""
    stated = (Requirement(text) for text in requires("listing-studio") or ())
    base = [need for need in stated if need.marker is None or need.marker.evaluate({"extra": ""})]
    installed = []
    for need in (*base, *map(Requirement, _NEEDED)):
        extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
        with suppress(PackageNotFoundError):
            installed.append(f"{need.name}{extras}=={version(need.name)}")
    return sorted(installed)


@contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Write the files and a copy of `serving`'s code into a folder that goes afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        source = Path(str(serving.__file__)).parent
        for path in source.rglob("*.py"):
            target = folder / "serving" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        yield folder
