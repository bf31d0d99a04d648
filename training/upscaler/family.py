"""Brings weights of the Real-ESRGAN family into ONNX, for machines with a GPU.

    python -m training.upscaler.family RealESRGAN_x2plus.pth out.onnx --sha256 DIGEST

The weights are those of others, by file or URL and SHA-256: mind their licence (Real-ESRGAN's own
are BSD-3-Clause). `spandrel` reads them and knows their architectures (ESRGAN, SPAN, Compact,
OmniSR, …); it comes with `pip install 'listing-studio[upscale]'`. What is printed is the recipe's
`OutsideWeights`, to be put in the place of the upscaler's `made_by`.
"""

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from serving.errors import BadInput
from training.loop.export import export_onnx
from training.loop.fetch import fetch_file
from training.upscaler.outside import Contract, contract_of


class _Family(nn.Module):
    """A network of the family behind its contract: RGB 0..1, not clipped by all of them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, photo: Tensor) -> Tensor:
        enlarged: Tensor = self.net(photo).clamp(0, 1)
        return enlarged


def convert(weights: bytes, suffix: str = ".pth") -> tuple[bytes, Contract]:
    """Return the network as ONNX in fp32, and what its card says.

    Parameters
    ----------
    weights : a file as its authors give it
    suffix : of its name, by which the reader knows its form

    Raises
    ------
    BadInput
        It is no upscaler of RGB that is known.
    """
    net, scale = _read(weights, suffix)
    contract = contract_of(scale)
    model = export_onnx(_Family(net).eval(), contract.taken, ("upscaled",))
    return model, contract


def _read(weights: bytes, suffix: str) -> tuple[nn.Module, int]:
    try:
        import spandrel
    except ImportError as error:
        raise BadInput("spandrel is missing: pip install 'listing-studio[upscale]'") from error
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"weights{suffix}"
        file.write_bytes(weights)
        try:
            found: Any = spandrel.ModelLoader(torch.device("cpu")).load_from_file(file)
        except (spandrel.UnsupportedModelError, ValueError, RuntimeError) as error:
            raise BadInput(f"the weights are of no network that is known: {error}") from error
    if found.input_channels != 3 or found.output_channels != 3:
        raise BadInput(f"it takes {found.input_channels} channels, not RGB")
    return found.model, int(found.scale)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="training.upscaler.family", description=__doc__)
    parser.add_argument("weights", help="https://…, or a path")
    parser.add_argument("out", type=Path)
    parser.add_argument("--sha256", required=True, help="of the weights, in hex")
    arguments = parser.parse_args()
    location = arguments.weights
    if not location.startswith("https://"):
        location = str(Path(location).absolute())
    model, contract = convert(fetch_file(location, arguments.sha256), Path(location).suffix)
    arguments.out.write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    print(
        f"OutsideWeights(location={str(arguments.out)!r}, sha256={digest!r}, licence=…, "
        f"architecture={contract.name!r}, input=contract_of({contract.scale}).taken)"
    )


if __name__ == "__main__":
    main()
