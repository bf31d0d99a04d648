"""Command line: `python -m synthetic --help`."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from synthetic.build import ROOM_TYPES, build_scene
from synthetic.catalogue import Catalogue, read_catalogue
from synthetic.files import write_rendered
from synthetic.palette import choose_palette
from synthetic.raycast.rooms import DrawnScene, write_views
from synthetic.render import render
from synthetic.sample import SAMPLES, write_listing
from synthetic.scene import without_furniture


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = _parser().parse_args(arguments)
    catalogue = read_catalogue(chosen.furniture) if chosen.furniture else {}
    if chosen.command == "sample":
        write_listing(catalogue, chosen.out, chosen.samples, chosen.only)
        return
    if chosen.command == "rooms":
        write_rooms(chosen, catalogue)
        return
    if chosen.command == "views":
        for number in range(chosen.seed, chosen.seed + chosen.count):
            write_views(DrawnScene(chosen.part, number), catalogue, chosen.out)
        return
    palette = choose_palette(chosen.home) if chosen.home is not None else None
    scene = build_scene(chosen.type, chosen.seed, catalogue, palette)
    size = (chosen.width, chosen.height)
    write_rendered(chosen.out, render(scene, catalogue, size, chosen.samples, chosen.noise))
    if chosen.empty:
        bare = without_furniture(scene)
        write_rendered(
            chosen.out / "empty", render(bare, catalogue, size, chosen.samples, chosen.noise)
        )


def write_rooms(chosen: argparse.Namespace, catalogue: Catalogue) -> None:
    """Render rooms of all types in turn, each in a folder of its own; what is there is kept."""
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        kind = ROOM_TYPES[seed % len(ROOM_TYPES)]
        folder = chosen.out / f"{kind}-{seed}"
        if not (folder / "scene.json").is_file():
            scene = build_scene(kind, seed, catalogue, choose_palette(seed))
            size = (chosen.width, chosen.height)
            write_rendered(folder, render(scene, catalogue, size, chosen.samples))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic",
        description="Rooms with their ground truth: path-traced, or drawn with a few rays.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    room = commands.add_parser("room", help="render one room with its ground truth")
    room.add_argument("--type", required=True, choices=ROOM_TYPES)
    room.add_argument("--seed", type=int, default=0, help="another room for each (default 0)")
    room.add_argument(
        "--home", type=int, help="take the materials of this home, not the seed's own"
    )
    room.add_argument("--empty", action="store_true", help="render it without furniture too")
    room.add_argument("--width", type=int, default=768)
    room.add_argument("--height", type=int, default=512)
    room.add_argument("--noise", type=int, default=0, help="seed of the noise (default 0)")
    rooms = commands.add_parser("rooms", help="render many small rooms with their ground truth")
    rooms.add_argument("--count", type=int, required=True)
    rooms.add_argument(
        "--seed", type=int, default=0, help="of the first; others follow (default 0)"
    )
    rooms.add_argument("--width", type=int, default=320)
    rooms.add_argument("--height", type=int, default=240)
    views = commands.add_parser(
        "views", help="draw many views of rooms with their depth, by rays alone, a second each"
    )
    views.add_argument("--count", type=int, required=True, help="of scenes, three views each")
    views.add_argument("--seed", type=int, default=0, help="number of the first (default 0)")
    views.add_argument(
        "--part", choices=("learned", "unseen"), default="learned", help="which furniture"
    )
    sample = commands.add_parser("sample", help="render the sample listing again")
    sample.add_argument("--only", choices=("", *ROOM_TYPES), default="", help="just this picture")
    for command in (room, rooms, views, sample):
        command.add_argument("--furniture", type=Path, help="folder of a Sweet Home 3D library")
        command.add_argument("--out", type=Path, required=True)
    for command in (room, rooms, sample):
        command.add_argument("--samples", type=int, default=SAMPLES, help="light paths per pixel")
    return parser


if __name__ == "__main__":
    main()
