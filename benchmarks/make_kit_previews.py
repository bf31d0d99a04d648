"""Draws each design kit in an empty room of its own floor and walls, for choosing.

    python benchmarks/make_kit_previews.py OUT

OUT is `serving/kits/previews`. The room is path-traced, and furnished by the steps that furnish
photos. Needs the extra `render`.
"""

import argparse
from pathlib import Path

from serving.kits.read import FOLDER, read_kits
from serving.render.rooms.renderer import PathTracer
from serving.staging.kit import ANCHORS
from serving.staging.showroom import draw_showroom
from serving.workflows.kit_pictures import as_jpeg
from serving.workflows.kits import KitOf


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--kits", nargs="+", metavar="KIT", default=sorted(read_kits()))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    renderer = PathTracer()
    showroom = draw_showroom(renderer)
    for name in asked.kits:
        finished = KitOf(read_kits()[name], FOLDER).finished()
        for room_type in ANCHORS:
            picture = showroom.show(finished, room_type, renderer)
            if picture is not None:
                file = asked.out / f"{name}_{room_type}.jpg"
                file.write_bytes(as_jpeg(picture))
                print(file)


if __name__ == "__main__":
    main()
