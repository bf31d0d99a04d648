"""Rooms staged as the job `stage_photos` does it: what is changed, how often the same, how long.

Photos of STUDIO_DATA's listings and places, seen by the segmenter of `--models` (a folder as
`outside_models.py` writes it), each cleared and furnished with a kit. Counted: pixels that differ
outside of the reported mask (a photo is worked on at 1.6 megapixels and brought back to its own
size), the mask's share, photos that were left alone and why, and CPU-seconds of each step in a warm
process, and on the clock. `--again` runs everything a second time in another process and compares
the pictures' SHA-256. `--sheet FILE.jpg` draws before, cleared and staged with each kit.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from figures import Figures, parse
from numpy.typing import NDArray

from serving.card import ModelCard
from serving.image import Image, PhotoFile
from serving.kits.meshes import models_of
from serving.kits.read import read_kits
from serving.models.session import OnnxSession
from serving.perception.refine import refine_mask
from serving.perception.segment import SEGMENTER
from serving.render.rooms.renderer import PathTracer
from serving.requests.staging import StagedRoom
from serving.staging.carry import carry, work_copy
from serving.staging.geometry.doubts import REFUSALS
from serving.staging.geometry.find import find_room
from serving.staging.kit import Kit
from serving.staging.layout.solve import plan
from serving.staging.masks.kinds import FITTED
from serving.staging.process import (
    Cleared,
    Staged,
    as_it_is,
    clear_photo,
    furnish_photo,
    only_cleared,
    space_of,
)
from serving.staging.room import Room

_PIXELS = 10**8
_KINDS: dict[str, StagedRoom] = {
    "bedroom": "bedroom", "living_room": "living_room", "dining_room": "dining_room",
    "kitchen": "kitchen",
}  # fmt: skip
_SHEET_PX, _SHEET_ROWS = 480, 24


@dataclass
class Tally:
    """What was seen of all photos."""

    left: Counter[str] = field(default_factory=Counter)
    outside: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wall: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rows: list[Image] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the seconds of a step, of all cores and on the clock."""
        started, at = time.process_time(), time.perf_counter()
        yield
        self.seconds[name].append(time.process_time() - started)
        self.wall[name].append(time.perf_counter() - at)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="has `segmenter/model.onnx`")
    parser.add_argument("--photos", type=int, default=40, help="at most; default: %(default)s")
    parser.add_argument("--kit", nargs="+", default=["modern"], help="default: %(default)s")
    parser.add_argument(
        "--rooms", nargs="+", metavar="TYPE", help="what photos become, by turns; default: as named"
    )
    parser.add_argument("--megapixels", type=float, help="photos are brought to that size first")
    parser.add_argument("--only", nargs="+", type=Path, metavar="PHOTO", help="these alone")
    parser.add_argument("--again", action="store_true", help="a second time, in another process")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--digests", type=Path, help=argparse.SUPPRESS)
    asked, figures = parse(__doc__, parser), Figures()
    files = asked.only or find_photos(Path(os.environ["STUDIO_DATA"]), asked.photos)
    if asked.quick:
        files = files[:4]
    tally = stage_all(files, asked, figures)
    if asked.digests:
        asked.digests.write_text(json.dumps(tally.digests))
        return
    if asked.again:
        figures.add("staging.same_in_another_process", float(same_again(tally, asked, files)))
    add(figures, tally, len(files))
    if asked.sheet:
        cv2.imwrite(str(asked.sheet), np.concatenate(tally.rows[:_SHEET_ROWS])[..., ::-1])
        figures.say(f"the sheet is {asked.sheet}")
    figures.print()


def find_photos(data: Path, count: int) -> list[Path]:
    """Return photos of rooms: whole listings first, then others by turns."""
    found = [path for path in sorted((data / "listings").glob("*/*.jpg")) if path.stem in _KINDS]
    houses = data / "rooms" / "houses"
    others = [sorted((houses / kind).glob("*.jpg"))[7::13] for kind in ("bedroom", "kitchen")]
    mixed = [path for pair in zip(*others, strict=False) for path in pair]
    return [*found, *mixed][:count]


def kind_of(file: Path) -> StagedRoom:
    """Return the type of room that a photo's name or folder says."""
    return _KINDS.get(file.stem) or _KINDS.get(file.parent.name) or "living_room"


def stage_all(files: list[Path], asked: argparse.Namespace, figures: Figures) -> Tally:
    """Stage each photo."""
    stager = Stager(asked)
    for number, file in enumerate(files):
        turns = asked.rooms or [kind_of(file)]
        said = stager.stage(file, turns[number % len(turns)])
        figures.say(f"{file.parent.name}/{file.name}: {said}")
    return stager.tally


class Stager:
    """Stages photos, one after the other."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.tally, self._renderer, self._megapixels = Tally(), PathTracer(), asked.megapixels
        self._kits = [read_kits()[name] for name in asked.kit]
        self._session = OnnxSession((asked.models / "segmenter" / "model.onnx").read_bytes())
        card = (asked.models / "segmenter" / "card.json").read_bytes()
        self._card = ModelCard.model_validate_json(card)

    def stage(self, file: Path, kind: StagedRoom) -> str:
        """Stage a photo with each kit; return what is to be said of it."""
        tally, photo = self.tally, PhotoFile(file.read_bytes(), _PIXELS)
        original = sized(photo.pixels(), self._megapixels)
        picture = work_copy(original)
        with tally.step("segment"):
            inputs = {n: a[None] for n, a in SEGMENTER.prepare(photo, self._card).items()}
            ids = refine_mask(self._session(inputs)["ids"][0], picture)
        with tally.step("geometry"):
            room = find_room(picture, ids).room
        refused = next((code for code in room.doubts if code in REFUSALS), None)
        if refused:
            tally.left[refused] += 1
            return room.doubts[refused]
        with tally.step("clear"):
            stays = kind in FITTED
            cleared = as_it_is(picture, ids) if stays else clear_photo(picture, ids, room, kind)
        made = [self._furnish(cleared, room, kit, kind) for kit in self._kits]
        for kit, one in zip(self._kits, made, strict=True):
            judge(tally, f"{kit.id} {file.parent.name}/{file.name}", original, one)
        shown = [picture, cleared.photo, *(one.photo for one in made)]
        tally.rows.append(np.concatenate([fitted(one) for one in shown], axis=1))
        doubts = ", ".join(made[0].doubts) or "no doubt"
        return f"{kind}, {len(made[0].pieces)} pieces, score {made[0].score:.0f}, {doubts}"

    def _furnish(self, cleared: Cleared, room: Room, kit: Kit, kind: StagedRoom) -> Staged:
        with self.tally.step("plan"):
            planned = plan(space_of(cleared, room), kit, kind, 0)
        if not planned.pieces:
            self.tally.left["no_place"] += 1
            return only_cleared(cleared, room)
        with self.tally.step("furnish"):
            things = models_of(kit, planned.skus)
            return furnish_photo(cleared, room, planned, things, self._renderer)


def sized(picture: Image, megapixels: float | None) -> Image:
    """Return a photo of so many megapixels; its own without."""
    if megapixels is None:
        return picture
    by = (megapixels * 1e6 / (picture.shape[0] * picture.shape[1])) ** 0.5
    size = round(picture.shape[1] * by), round(picture.shape[0] * by)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def judge(tally: Tally, name: str, original: Image, made: Staged) -> None:
    """Count what a staged photo changed."""
    picture, mask = carry(original, made.before, made.photo, made.changed, made.new)
    differs = (picture != original).any(axis=2)
    tally.outside.append(int((differs & ~mask).sum()))
    tally.shares.append(float(mask.mean()))
    tally.digests[name] = hashlib.sha256(picture.tobytes()).hexdigest()


def fitted(picture: Image) -> NDArray[np.uint8]:
    """Return a picture in a frame of the sheet."""
    height = _SHEET_PX * 2 // 3
    scale = min(_SHEET_PX / picture.shape[1], height / picture.shape[0])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    frame = np.zeros((height, _SHEET_PX, 3), np.uint8)
    frame[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return frame


def same_again(tally: Tally, asked: argparse.Namespace, files: list[Path]) -> bool:
    """Return whether another process makes the same pictures."""
    out = Path(asked.models) / "digests.json"
    command = [sys.executable, __file__, "--models", str(asked.models), "--kit", *asked.kit]
    command += ["--megapixels", str(asked.megapixels)] if asked.megapixels else []
    command += ["--rooms", *asked.rooms] if asked.rooms else []
    command += ["--digests", str(out), "--only", *map(str, files)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, str] = json.loads(out.read_text())
    return found == tally.digests


def add(figures: Figures, tally: Tally, count: int) -> None:
    """Add up."""
    for code, times in tally.left.most_common():
        figures.say(f"left: {times}x {code}")
    figures.add("staging.photos", count)
    figures.add("staging.staged", len(tally.shares))
    figures.add("staging.pixels_outside", sum(tally.outside))
    figures.add("staging.mask_share_median", float(np.median(tally.shares)))
    figures.add("staging.mask_share_max", float(np.max(tally.shares)))
    for name, seconds in tally.seconds.items():
        warm = seconds[1:] or seconds
        figures.add(f"staging.cpu_s.{name}", float(np.median(warm)))
        figures.add(f"staging.cpu_s.{name}_p95", float(np.quantile(warm, 0.95)))
        on_clock = tally.wall[name][1:] or tally.wall[name]
        figures.add(f"staging.wall_s.{name}_p95", float(np.quantile(on_clock, 0.95)))
    figures.add("staging.cpu_s.furnish_cold", tally.seconds["furnish"][0])
    figures.add("staging.peak_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
