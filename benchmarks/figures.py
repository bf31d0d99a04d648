"""What every benchmark shares: its arguments, and figures printed the same way."""

import argparse
import json


class Figures:
    """Collects figures; the last line printed is one JSON object of them."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Print a line for the reader, sample sizes among them."""
        print(text, flush=True)

    def add(self, name: str, value: float) -> None:
        """Add a figure and print it at once."""
        self._values[name] = round(float(value), 4)
        print(f"  {name:<44} {value:>12.4g}", flush=True)

    def print(self) -> None:
        """Print the JSON line."""
        print(json.dumps(self._values))


def parse(about: str | None, parser: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Read the command line: `--quick`, and what else `parser` knows."""
    parser = parser or argparse.ArgumentParser()
    parser.description = about
    parser.add_argument("--quick", action="store_true", help="few samples, for a first look")
    return parser.parse_args()
