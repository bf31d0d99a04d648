from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from serving.errors import BadInput
from serving.models.session import OnnxSession
from serving.photos.fingerprint import FINGERPRINT_BYTES
from serving.photos.quality.features import feature_names
from serving.photos.quality.parts import CAUSES, DETAILS, KNOWN, PARTS
from serving.photos.quality.task import quality_input
from serving.task import Array
from training.loop.export import export_onnx
from training.photo_quality.config import QualityConfig
from training.photo_quality.head import QualityHead
from training.photo_quality.human import human_scores
from training.photo_quality.measured import LIGHT_FROM
from training.photo_quality.module import OUTPUTS, QualityModule

COUNT = len(feature_names())
LONG_SIDE = 1600.0


def _head() -> QualityHead:
    torch.manual_seed(0)
    return QualityHead(torch.zeros(COUNT), torch.ones(COUNT), LIGHT_FROM, hidden=8).eval()


def _score(head: QualityHead, causes: dict[str, float], lean: float = 0.0) -> float:
    row = torch.tensor([[causes.get(name, 0.0) for name in CAUSES]])
    known = torch.tensor([[LONG_SIDE, lean, 0.0]])
    return head.whole(head.severities(row, known)).item()


@pytest.mark.parametrize("cause", [name for name in CAUSES if name != "motion"])
def test_the_whole_falls_with_every_cause(cause: str) -> None:
    head = _head()
    scores = [_score(head, {cause: severity}) for severity in np.linspace(0, 0.9, 10)]
    assert all(later < earlier for earlier, later in pairwise(scores))
    assert 0 < scores[-1] < scores[0] <= 100


def test_the_whole_falls_with_tilt_to_either_side() -> None:
    head = _head()
    assert _score(head, {}, 1.0) > _score(head, {}, 3.0) > _score(head, {}, -6.0)


def test_a_second_fault_still_counts() -> None:
    head = _head()
    assert _score(head, {"blur": 0.6, "noise": 0.4}) < _score(head, {"blur": 0.6}) - 1


def test_onnx_scores_as_torch_does_for_any_batch() -> None:
    head = _head()
    model = OnnxSession(export_onnx(head, quality_input(), OUTPUTS))
    rng = np.random.default_rng(0)
    for count in (1, 3):
        inputs: dict[str, Array] = {
            "features": rng.normal(size=(count, COUNT)).astype(np.float32),
            "known": rng.uniform(0, 5, (count, len(KNOWN))).astype(np.float32),
            "fingerprint": rng.integers(0, 255, (count, FINGERPRINT_BYTES)).astype(np.uint8),
        }
        with torch.inference_mode():
            expected = head(*(torch.from_numpy(array) for array in inputs.values()))
        found = model(inputs)
        assert found["parts"].shape == (count, len(PARTS))
        assert found["details"].shape == (count, len(DETAILS))
        for name, theirs in zip(OUTPUTS, expected, strict=True):
            np.testing.assert_allclose(found[name], theirs.numpy(), atol=1e-3)


def test_a_persons_score_moves_the_whole_and_no_severity_is_made_up() -> None:
    module = QualityModule(_head().train(), QualityConfig(dropout=0.0))
    batch = (
        torch.zeros(2, COUNT),
        torch.full((2, len(CAUSES)), torch.nan),
        torch.zeros(2),
        torch.tensor([5.0, torch.nan]),
        torch.tensor([[LONG_SIDE, 0.0, 0.0]] * 2),
    )
    loss = module._loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    weights = module.head.weights.grad
    assert weights is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(weights).all()
    assert float(weights.abs().sum()) > 0


def test_human_scores_are_averaged_by_content(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("sha256,score\naa,40\naa,60\nbb,90\n")
    found = human_scores(pd.Series(["bb", "cc", "aa"]), file)
    np.testing.assert_array_equal(found, np.array([90, np.nan, 50], np.float32))


@pytest.mark.parametrize("text", ["sha256\naa\n", "sha256,score\naa,101\n"])
def test_human_scores_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(BadInput):
        human_scores(pd.Series(["aa"]), tmp_path / "scores.csv")
