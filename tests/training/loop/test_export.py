import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from serving.card import ArrayInput, ArraySpec, Classes, Label, PhotoInput
from serving.errors import BadInput
from serving.models.session import OnnxSession
from tests.fakes import colour_model
from tests.training.colours import COLOURS, DATASET, SMALL, make_photos
from training.candidate import Candidate, Precision, Provenance
from training.loop.backbone import build_backbone, fold_batchnorm, input_spec
from training.loop.candidates import choose, fetch, make_candidates
from training.loop.export import export_onnx, measure_parity
from training.loop.photos import Normalised
from training.loop.predict import photo_input
from training.loop.quantise import quantise
from training.loop.report import report
from training.module import Trained
from training.recipe import Headline, OutsideWeights, Rows
from training.room_classifier.recipe import ROOMS

PROVENANCE = Provenance("d1", ("made",), "own", "c0ffee")
random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    net = build_backbone("test_efficientnet", 3, "none").eval()
    fold_batchnorm(net)
    spec = input_spec(net, 64)
    return Trained(Normalised(net, spec), spec)


def make_pixels(count: int) -> np.ndarray:
    return random.integers(0, 255, (count, 64, 64, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("mean", [(127.5, 127.5, 127.5), (123.7, 116.3, 103.5)])
def test_onnx_computes_what_torch_does_for_any_batch(
    trained: Trained, mean: tuple[float, float, float]
) -> None:
    spec = PhotoInput(height=64, width=64, mean=mean, std=mean)
    served = Normalised(trained.served.net, spec)  # type: ignore[arg-type]
    model = export_onnx(served, spec)
    for count in (1, 3, 32):
        inputs = {"pixels": make_pixels(count)}
        assert measure_parity(served, spec, model, inputs, ("logits",)) < 1e-4
    assert b".py" not in model, "it says nothing of the files that it was traced from"


@pytest.mark.slow
def test_several_arrays_of_any_length_go_in_and_out() -> None:
    class Both(nn.Module):
        def forward(self, sound: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            total = sound.cumsum(dim=1) + state[:, None]
            return total, total[:, -1]

    arrays = (
        ArraySpec(name="sound", dtype="float32", shape=("n", "steps")),
        ArraySpec(name="state", dtype="float32", shape=("n",)),
    )
    spec, outputs = ArrayInput(arrays=arrays), ("total", "last")
    model = export_onnx(Both(), spec, outputs)
    for count, steps in ((1, 7), (3, 1), (2, 600)):
        inputs = {
            "sound": random.random((count, steps), np.float32),
            "state": random.random(count, np.float32),
        }
        assert measure_parity(Both(), spec, model, inputs, outputs) < 1e-3


@pytest.mark.slow
def test_int8_is_smaller_and_close(trained: Trained) -> None:
    model = export_onnx(trained.served, trained.spec)
    small = quantise(model, {"pixels": make_pixels(32)})
    inputs = {"pixels": make_pixels(32)}
    full, quantised = (OnnxSession(file)(inputs)["logits"] for file in (model, small))
    assert len(small) < 0.6 * len(model)
    assert np.abs(full - quantised).mean() < 0.25 * full.std()


@pytest.mark.slow
def test_candidates_carry_the_contract_and_the_report_judges_them(
    trained: Trained, tmp_path: Path
) -> None:
    held = make_photos(tmp_path / "h", 60, seed=2)
    rows = Rows(make_photos(tmp_path / "t", 30), held, DATASET)
    candidates, parity = make_candidates(ROOMS, trained, rows, SMALL, PROVENANCE)
    assert parity < 1e-4
    for precision, candidate in candidates.items():
        assert candidate.card.precision == precision
        assert candidate.card.embedding, "what is exported gives an embedding beside its logits"
        classes = candidate.card.output_as(Classes)
        assert classes.labels == COLOURS
        assert 0 <= classes.confident_above <= 1
    found = report(ROOMS, candidates, "int8", held, DATASET, champion=candidates["fp32"])
    assert {"test/top1", "test/ece.high", "test/scene", "slice/label/red/top1"} <= set(
        found.figures
    )
    assert {"corrupted/dark/aurc", "onnx/cpu_ms", "onnx/megabytes"} <= set(found.figures)
    assert found.figures["champion/top1_difference"] == pytest.approx(
        -found.figures["onnx/quantised_top1_loss"]
    )
    wrong = round(len(held) * (1 - found.figures["test/top1"]))
    assert len(found.mistakes) == wrong
    assert set(found.mistakes["uri"]) <= set(held["uri"])
    _compares_by_name_with_a_champion_of_other_labels(candidates, held)
    assert all(png.startswith(b"\x89PNG") for png in found.pictures.values())
    assert {"test/top1", "test/scene"} <= set(found.short()) <= set(found.figures)


def _compares_by_name_with_a_champion_of_other_labels(
    candidates: Mapping[Precision, Candidate], held: pd.DataFrame
) -> None:
    """Nobody gets past a champion by adding a label or putting them in another order."""
    # what it calls blue is red, which it does not know; what is blue it calls an attic
    labels = (COLOURS[2], COLOURS[1], Label(name="attic", scene="interior"))
    size = photo_input(candidates["fp32"].card.input)
    classes = Classes(labels=labels, temperature=1.0, confident_above=0.9)
    card = candidates["fp32"].card.model_copy(update={"output": classes})
    champion = Candidate(colour_model(side=size.height), card, 1.0)
    found = report(ROOMS, candidates, "fp32", held, DATASET, champion)
    known = int((held["label"] != "red").sum())
    ours = 1 - int((found.mistakes["label"] != "red").sum()) / known
    theirs = int((held["label"] == "green").sum()) / known
    assert found.figures["champion/compared"] == pytest.approx(known / len(held))
    assert found.figures["champion/top1_difference"] == pytest.approx(ours - theirs)


def test_choose_takes_int8_unless_it_costs_too_much() -> None:
    def candidate(value: float) -> Candidate:
        return Candidate(b"", None, value)  # type: ignore[arg-type]

    best, error = Headline("top1"), Headline("error", higher_is_better=False)
    assert choose({"fp32": candidate(0.900), "int8": candidate(0.896)}, best) == "int8"
    assert choose({"fp32": candidate(0.900), "int8": candidate(0.880)}, best) == "fp32"
    assert choose({"fp32": candidate(0.900), "int8": candidate(0.880)}, error) == "int8"
    assert choose({"fp32": candidate(0.880), "int8": candidate(0.900)}, error) == "fp32"
    assert choose({"fp32": candidate(0.900)}, best) == "fp32"


def test_weights_from_outside_are_the_ones_that_the_recipe_names(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(colour_model())
    spec = PhotoInput(height=16, width=16, mean=(0, 0, 0), std=(1, 1, 1))
    digest = hashlib.sha256(colour_model()).hexdigest()
    named = OutsideWeights(str(file), digest, "CC-BY-4.0", "colours", spec)
    assert fetch(named) == colour_model()
    file.write_bytes(colour_model(gain=3.0))
    with pytest.raises(BadInput, match=digest):
        fetch(named)
    with pytest.raises(BadInput, match="there is no"):
        fetch(replace(named, location=str(tmp_path / "gone.onnx")))
