"""Packs BeatNet's networks for serving: `python -m training.beat_tracker.network OUT WEIGHTS...`.

The weights come with the package `BeatNet` 1.1.3 (CC-BY-4.0; M. Heydari, F. Cwitkowitz, Z. Duan,
"BeatNet: CRNN and particle filtering for online joint beat, downbeat and meter tracking", ISMIR
2021): `BeatNet/models/model_{1,2,3}_weights.pt`. What serves is the mean of the three.
"""

import argparse
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

_CREDITS = {
    "source": "BeatNet 1.1.3, models 1 to 3, averaged",
    "author": "Mojtaba Heydari, Frank Cwitkowitz, Zhiyao Duan",
    "license": "CC-BY-4.0",
}


class BeatNetwork(nn.Module):
    """Features of shape (frames, 272) to probabilities (frames, 3): beat, downbeat, neither."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 2, 10)
        self.linear0 = nn.Linear(262, 150)
        self.lstm = nn.LSTM(150, 150, 2, batch_first=True)
        self.linear = nn.Linear(150, 3)

    def forward(self, features: Tensor) -> Tensor:
        found = torch.max_pool1d(torch.relu(self.conv1(features[:, None])), 2).flatten(1)
        states, _ = self.lstm(self.linear0(found)[None])
        return torch.softmax(self.linear(states[0]), -1)


class Mean(nn.Module):
    """What several networks say on average."""

    def __init__(self, networks: list[BeatNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, features: Tensor) -> Tensor:
        return torch.stack([network(features) for network in self.networks]).mean(0)


def pack(weights: list[Path], out: Path) -> None:
    """Write the mean of the networks as one ONNX file, with its credits inside."""
    networks = []
    for path in weights:
        network = BeatNetwork()
        network.load_state_dict(
            torch.load(path, map_location="cpu", weights_only=True), strict=False
        )
        networks.append(network.eval())
    frames = {0: "frames"}
    torch.onnx.export(
        Mean(networks).eval(),
        (torch.zeros(500, 272),),
        str(out),
        input_names=["features"],
        output_names=["probabilities"],
        dynamic_axes={"features": frames, "probabilities": frames},
        dynamo=False,  # keeps the LSTM as one operator
        opset_version=17,
    )
    model = onnx.load(out)
    for key, value in _CREDITS.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, out)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="training.beat_tracker.network",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    arguments = parser.parse_args()
    pack(arguments.weights, arguments.out)


if __name__ == "__main__":
    main()
