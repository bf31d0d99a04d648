"""CPU-ms per photo of the shipped int8 model, against torch and against ONNX in fp32.

One process, one thread, one photo at a time, the backbone and the size of the starter's card. All
take turns, and the ratios of their medians count. torch runs eagerly in `inference_mode`, the
network as timm gives it, and again with its BatchNorms folded into the convolutions.
"""

import statistics
import time
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import timm
import torch
from figures import Figures, parse
from servers import ROOT
from torch import nn

from serving.card import Classes, ModelCard, PhotoInput
from serving.image import Image
from serving.models.session import OnnxSession
from training.loop.backbone import fold_batchnorm
from training.loop.export import export_onnx
from training.loop.photos import Normalised
from training.room_classifier.config import RoomConfig

STARTER = ROOT / "registry" / "starter" / "room-classifier"
Run = Callable[[Image], object]


def main() -> None:
    """Run the command line."""
    rounds, calls = (5, 5) if parse(__doc__).quick else (30, 10)
    card = ModelCard.model_validate_json((STARTER / "card.json").read_bytes())
    figures = Figures()
    runs = open_runs(card, figures)
    size = card.input_as(PhotoInput)
    random, shape = np.random.default_rng(0), (1, size.height, size.width, 3)
    photos = [random.integers(0, 255, shape, np.uint8) for _ in range(calls)]
    figures.say(f"{size.width}x{size.height}, {card.precision}; ")
    figures.say(f"{rounds} rounds of {calls} photos each, taking turns")
    times = measure(runs, photos, rounds)
    cpu_ms = {name: statistics.median(values) for name, values in times.items()}
    for name, value in cpu_ms.items():
        figures.add(f"quantisation.{name}_cpu_ms", value)
    figures.add("quantisation.speedup", cpu_ms["torch"] / cpu_ms["shipped"])
    figures.add("quantisation.speedup_folded", cpu_ms["torch_folded"] / cpu_ms["shipped"])
    figures.add("quantisation.speedup_onnx", cpu_ms["onnx_fp32"] / cpu_ms["shipped"])
    figures.print()


def open_runs(card: ModelCard, figures: Figures) -> dict[str, Run]:
    """Return what is compared, by name; the weights' values do not change the time."""
    torch.set_num_threads(1)
    backbone = card.backbone
    if not timm.is_model(backbone):
        backbone = RoomConfig().backbone
        figures.say(f"the card's backbone '{card.backbone}' is unknown")
    figures.say(f"{backbone}, {len(card.output_as(Classes).labels)} labels")
    net = timm.create_model(backbone, num_classes=len(card.output_as(Classes).labels)).eval()
    folded, size = deepcopy(net), card.input_as(PhotoInput)
    fold_batchnorm(folded)
    return {
        "shipped": on_pixels((STARTER / "model.onnx").read_bytes()),
        "torch": in_torch(net, card),
        "torch_folded": in_torch(folded, card),
        "onnx_fp32": on_pixels(export_onnx(Normalised(deepcopy(net), size), size)),
    }


def on_pixels(model: bytes) -> Run:
    """Return a call of an ONNX model on uint8 pixels."""
    session = OnnxSession(model)
    return lambda pixels: session({"pixels": pixels})


def in_torch(net: nn.Module, card: ModelCard) -> Run:
    """Return a call of `net` on uint8 pixels, normalised as on the card."""
    served = Normalised(net, card.input_as(PhotoInput)).eval()

    def run(pixels: Image) -> object:
        with torch.inference_mode():
            return served(torch.from_numpy(pixels))

    return run


def measure(runs: dict[str, Run], photos: list[Image], rounds: int) -> dict[str, list[float]]:
    """Return the CPU-ms per photo of each round; a first round warms up and is left out."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            started = time.process_time()
            for photo in photos:
                run(photo)
            if number:
                times[name].append((time.process_time() - started) / len(photos) * 1e3)
    return times


if __name__ == "__main__":
    main()
