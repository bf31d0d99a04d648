"""Decodes the files of a folder in a process that may die of them; one line on each.

`python image_child.py FOLDER MIN_SIDE...`
"""

import sys
from pathlib import Path

from serving.errors import BadImage, TooLarge
from serving.image import decode


def main(folder: str, *sides: str) -> None:
    """Say how each file ended: its shape, or the name of the refusal."""
    for path in sorted(Path(folder).iterdir()):
        for side in sides:
            print(path.name, side, end=" ", flush=True)  # said first: whom the process died of
            try:
                print(*decode(path.read_bytes(), 4_000_000, int(side)).shape)
            except (BadImage, TooLarge) as error:
                print(type(error).__name__, error)


if __name__ == "__main__":
    main(*sys.argv[1:])
