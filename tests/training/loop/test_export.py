from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from serving.card import Classes, Label, PhotoInput
from serving.models.session import OnnxSession
from tests.fakes import colour_card, colour_model
from tests.training.colours import SMALL, make_photos
from training.loop.backbone import build_backbone, fold_batchnorm, input_spec
from training.loop.candidates import Candidate, Precision, Provenance, choose, make_candidates
from training.loop.export import export_onnx, measure_parity
from training.loop.fit import Trained
from training.loop.loaders import LabelledPhotos
from training.loop.quantise import quantise
from training.loop.report import report

COLOURS = tuple(
    Label(name=name, scene=scene)
    for name, scene in (("red", "interior"), ("green", "exterior"), ("blue", "interior"))
)
PROVENANCE = Provenance(COLOURS, "d1", ("made",), "own", "c0ffee")
random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    net = build_backbone("test_efficientnet", 3, "none").eval()
    fold_batchnorm(net)
    return Trained(net, input_spec(net, 64))


def make_pixels(count: int) -> np.ndarray:
    return random.integers(0, 255, (count, 64, 64, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("mean", [(127.5, 127.5, 127.5), (123.7, 116.3, 103.5)])
def test_onnx_computes_what_torch_does_for_any_batch(
    trained: Trained, mean: tuple[float, float, float]
) -> None:
    spec = PhotoInput(height=64, width=64, mean=mean, std=mean)
    model = export_onnx(trained.net, spec)
    for count in (1, 3, 32):
        assert measure_parity(trained.net, spec, model, make_pixels(count)) < 1e-4


@pytest.mark.slow
def test_int8_is_smaller_and_close(trained: Trained) -> None:
    model = export_onnx(trained.net, trained.spec)
    small = quantise(model, make_pixels(32))
    pixels = make_pixels(32)
    full, quantised = OnnxSession(model)(pixels), OnnxSession(small)(pixels)
    assert len(small) < 0.6 * len(model)
    assert np.abs(full - quantised).mean() < 0.25 * full.std()


@pytest.mark.slow
def test_candidates_carry_the_contract_and_the_report_judges_them(
    trained: Trained, tmp_path: Path
) -> None:
    train, held = make_photos(tmp_path / "t", 30), make_photos(tmp_path / "h", 60, seed=2)
    candidates, parity = make_candidates(trained, train, held, SMALL, PROVENANCE)
    assert parity < 1e-4
    for precision, candidate in candidates.items():
        assert candidate.card.precision == precision
        assert candidate.card.output_as(Classes).labels == COLOURS
        assert 0 <= candidate.card.output_as(Classes).confident_above <= 1
    rows = pd.DataFrame(
        {
            "uri": held.uris,
            "label": [COLOURS[label].name for label in held.labels],
            "source": "made",
            "sha256": [f"{number:064x}" for number in range(len(held))],
            "width": 80,
            "height": 60,
            "brightness": random.random(60),
        }
    )
    found = report(candidates, "int8", held, rows, champion=candidates["fp32"])
    assert {"test/top1", "test/ece.high", "slice/label/red/top1", "corrupted/dark/aurc"} <= set(
        found.figures
    )
    assert found.figures["champion/top1_difference"] == pytest.approx(
        -found.figures["onnx/quantised_top1_loss"]
    )
    wrong = round(len(held) * (1 - found.figures["test/top1"]))
    assert len(found.mistakes) == wrong
    assert set(found.mistakes["uri"]) <= set(held.uris)
    _compares_by_name_with_a_champion_of_other_labels(candidates, held, rows)
    assert all(png.startswith(b"\x89PNG") for png in found.pictures.values())
    assert set(found.short()) <= set(found.figures)


def _compares_by_name_with_a_champion_of_other_labels(
    candidates: Mapping[Precision, Candidate], held: LabelledPhotos, rows: pd.DataFrame
) -> None:
    """Nobody gets past a champion by adding a label or putting them in another order."""
    # what it calls blue is red, which it does not know; what is blue it calls an attic
    labels = (COLOURS[2], COLOURS[1], Label(name="attic", scene="interior"))
    size = candidates["fp32"].card.input_as(PhotoInput)
    card = colour_card(labels=labels, input=size)
    champion = Candidate(colour_model(side=size.height), card, 1.0)
    found = report(candidates, "fp32", held, rows, champion)
    known = int((held.labels != 0).sum())
    ours = 1 - int((found.mistakes["label"] != "red").sum()) / known
    theirs = int((held.labels == 1).sum()) / known
    assert found.figures["champion/top1_difference"] == pytest.approx(ours - theirs)


def test_choose_takes_int8_unless_it_costs_too_much() -> None:
    def candidate(top1: float) -> Candidate:
        return Candidate(b"", None, top1)  # type: ignore[arg-type]

    assert choose({"fp32": candidate(0.900), "int8": candidate(0.896)}) == "int8"
    assert choose({"fp32": candidate(0.900), "int8": candidate(0.880)}) == "fp32"
