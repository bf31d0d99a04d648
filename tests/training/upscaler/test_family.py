"""Networks of the Real-ESRGAN family come into ONNX, where what reads them is installed."""

import hashlib
import importlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.errors import BadInput
from serving.models.session import OnnxSession
from training.upscaler import family
from training.upscaler.outside import contract_of

HAS_READER = importlib.util.find_spec("spandrel") is not None


@pytest.mark.skipif(HAS_READER, reason="spandrel is installed")
def test_without_its_reader_it_says_what_to_install() -> None:
    with pytest.raises(BadInput, match="upscale"):
        family.convert(b"")


@pytest.mark.skipif(not HAS_READER, reason="needs spandrel")
def test_a_network_gives_in_onnx_what_it_gives_in_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = importlib.import_module("spandrel.architectures.ESRGAN.__arch.RRDB")
    torch.manual_seed(0)
    net = arch.RRDBNet(num_filters=8, num_blocks=1, scale=4).eval()
    weights = io.BytesIO()
    torch.save(net.state_dict(), weights)
    file, out = tmp_path / "weights.pth", tmp_path / "out.onnx"
    file.write_bytes(weights.getvalue())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr("sys.argv", ["family", str(file), str(out), "--sha256", digest])
    family.main()
    assert "real-esrgan-x4" in capsys.readouterr().out
    photo = np.random.default_rng(0).random((1, 3, 20, 28), np.float32)
    (spec,) = contract_of(4).taken.arrays
    (found,) = OnnxSession(out.read_bytes())({spec.name: photo}).values()
    with torch.inference_mode():
        expected = net(torch.from_numpy(photo)).clamp(0, 1).numpy()
    assert found.shape == (1, 3, 80, 112)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.skipif(not HAS_READER, reason="needs spandrel")
def test_what_is_no_network_is_refused() -> None:
    weights = io.BytesIO()
    torch.save({"anything": torch.zeros(3)}, weights)
    with pytest.raises(BadInput, match="no network that is known"):
        family.convert(weights.getvalue())
