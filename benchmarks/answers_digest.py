"""SHA-256 of the gateway's answers to fixed photos: a change that must change no answer is held to.

The photos are the sample listing and, where `STUDIO_DATA` is, 200 of its photos: all sizes that it
has. Each is sent as a raw body to a gateway with the starter model. What differs from run to run,
the time taken, is left out, and so is what other models say of the photo; everything else of the
JSON counts, to the order of its keys.
"""

import argparse
import hashlib
import json
import os
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from figures import parse
from servers import HEADERS, ROOT, gateway

_LEFT_OUT = ("timing_ms", "quality")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200, help="of the photos of STUDIO_DATA")
    parser.add_argument("--serving", nargs="+", default=["inline", "service"])
    parser.add_argument("--out", type=Path, help="a file for the answers, one a line")
    arguments = parse(__doc__, parser)
    sets = {"sample_listing": sorted((ROOT / "datasets" / "sample_listing").glob("*.jpg"))}
    if "STUDIO_DATA" in os.environ:
        folder = Path(os.environ["STUDIO_DATA"])
        count = 20 if arguments.quick else arguments.count
        sets["studio_data"] = choose_photos(folder, count)
    digests: dict[str, str] = {}
    for serving in arguments.serving:
        with tempfile.TemporaryDirectory() as name, gateway(Path(name), serving) as server:
            for title, photos in sets.items():
                answers = ask(f"{server.url}/internal/photos/classify", photos)
                digest = hashlib.sha256("\n".join(answers).encode()).hexdigest()
                digests[f"{serving}.{title}"] = digest
                print(f"{serving} {title}, {len(photos)} photos: {digest}", flush=True)
                if arguments.out is not None:
                    with arguments.out.open("a") as out:
                        out.writelines(f"{answer}\n" for answer in answers)
    print(json.dumps(digests))


def choose_photos(folder: Path, count: int) -> list[Path]:
    """Return so many photos below `folder`, evenly spread over the sorted paths of each set."""
    sets = [sorted((folder / name).rglob("*.jpg")) for name in ("listings", "rooms")]
    chosen: list[Path] = []
    for left, photos in zip((2, 1), sets, strict=True):
        take = min(len(photos), (count - len(chosen)) // left)
        chosen += [photos[place * len(photos) // take] for place in range(take)]
    return chosen


def ask(url: str, photos: Sequence[Path]) -> list[str]:
    """Return the answer to each photo without its time, in the order of its keys."""
    answers = []
    for photo in photos:
        request = urllib.request.Request(url, photo.read_bytes(), HEADERS, method="POST")
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        for result in answer["results"]:
            for name in _LEFT_OUT:
                result.pop(name, None)
        answers.append(json.dumps(answer))
    return answers


if __name__ == "__main__":
    main()
