"""Models of others as versions of our tasks: `python benchmarks/outside_models.py MODELS OUT`.

Writes `OUT/segmenter` and `OUT/detector`, each with `model.onnx`, `card.json` and `VERSION`, as a
bento carries them: MOSAIC in our classes (it has no sinks, baths, toilets, stoves, lamps, stairs or
pools) and NanoDet-Plus-m. For measurements and pictures while no better ones are published; MODELS
is a folder with `mosaic_ade20k32_int8.onnx` and `nanodet_plus_m_416.onnx`.
"""

import argparse
from pathlib import Path

from serving.card import Label, Map, ModelCard
from serving.perception.classes import CLASSES
from training.detector.outside import NANODET
from training.segmenter.outside import MOSAIC_WEIGHTS, to_our_classes


def mosaic(source: bytes) -> tuple[bytes, ModelCard]:
    """Return MOSAIC in our classes."""
    return to_our_classes(source), ModelCard(
        task="segmenter",
        input=MOSAIC_WEIGHTS.input,
        output=Map(labels=tuple(Label(name=name) for name in CLASSES)),
        licence=MOSAIC_WEIGHTS.licence,
        backbone=MOSAIC_WEIGHTS.architecture,
        precision="int8",
        demo=True,
        data_version="outside",
        trained_on=("ADE20K",),
    )


def nanodet(source: bytes) -> tuple[bytes, ModelCard]:
    """Return NanoDet-Plus-m as it is, with the card of its contract."""
    return source, ModelCard(
        task="detector",
        input=NANODET.taken,
        output=NANODET.given,
        licence="Apache-2.0",
        backbone=NANODET.name,
        precision="fp32",
        demo=True,
        data_version="outside",
        trained_on=("COCO",),
    )


def write_models(models: Path, out: Path) -> None:
    """Write both below `out`."""
    for named, (model, card) in {
        "segmenter": mosaic((models / "mosaic_ade20k32_int8.onnx").read_bytes()),
        "detector": nanodet((models / "nanodet_plus_m_416.onnx").read_bytes()),
    }.items():
        (out / named).mkdir(parents=True, exist_ok=True)
        (out / named / "model.onnx").write_bytes(model)
        (out / named / "card.json").write_text(card.model_dump_json(indent=2))
        (out / named / "VERSION").write_text("outside\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    write_models(arguments.models, arguments.out)


if __name__ == "__main__":
    main()
