"""How much does a cleared room look like the empty one? Beside other ways to fill a mask.

`true_masks`: drawn pairs never looked at while the code was written (`staging_pairs.py`), what was
moved closed and widened as our own masks are, at least 15 % of the picture; cameras are the true
ones. `own_masks`: the same photos, masks by `serving.staging.masks` from the classes that a
segmenter says (`--segmenter`, a network of ADE20K in 32 classes). PSNR within the mask, and
feature distance (`feature_distance.py`); medians. `wins`: share of pairs better than Telea in both.

`pasted`: real photos (`--photos`) from which a hole of 10-30 %, of the shape of another photo's
furniture, is cut across the line of floor and wall where nothing stands; what was there is the
truth. Cameras are found by `serving.staging.geometry`.

`left`: real photos cleared by masks of `--segmenter`; share of the picture that another network
(`--judge`) still calls furniture. `cost`: CPU-s of each step at 1500x1000, and memory.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from feature_distance import FeatureDistance
from figures import Figures, parse
from numpy.typing import NDArray
from segmenter import peer
from staging_pairs import Pair, read_pairs
from staging_peers import biharmonic, patchmatch, pull_push, telea

from serving.errors import StudioError
from serving.image import Image, PhotoFile
from serving.perception.classes import CLASSES
from serving.perception.refine import refine_mask
from serving.staging.clear import Gone, clear_room
from serving.staging.masks import find_removal, movable_in
from serving.staging.masks.find import GAP, HOLE, MARGIN
from serving.staging.masks.shadows import dark_rim, find_shadows
from serving.staging.masks.shapes import close_gaps, widen
from serving.staging.room import Room

Mask = NDArray[np.bool_]
Ids = NDArray[np.uint8]
Segment = Callable[[Image], Ids]
PEERS = {"telea": telea, "pull_push": pull_push, "biharmonic": biharmonic, "patchmatch": patchmatch}
LEAST_MASK = 0.15
LIVING = movable_in("living_room")
_SHELL = [CLASSES.index(name) for name in ("floor", "wall", "ceiling")]
_FURNITURE = [
    CLASSES.index(n) for n in ("bed", "sofa", "chair", "armchair", "table", "shelf", "lamp")
]
_MOST_PIXELS = 40_000_000
_PLACES = 80  # tried for a hole


@dataclass(frozen=True)
class Score:
    """PSNR within the mask, dB, and feature distance."""

    psnr: float
    features: float


def score(made: Image, truth: Image, mask: Mask, features: FeatureDistance) -> Score:
    """Compare a fill with what is true."""
    apart = made[mask].astype(np.float64) - truth[mask]
    psnr = 10 * np.log10(255**2 / max(float((apart**2).mean()), 1e-3))
    return Score(float(psnr), features(made, truth, mask))


def true_mask(pair: Pair) -> Mask:
    """Return what was moved, closed and widened."""
    side, area = max(pair.movable.shape), pair.movable.size
    whole = close_gaps(pair.movable, GAP * side, round(HOLE * area))
    return widen(whole, MARGIN * side)


def fills(photo: Image, gone: Gone, ids: Ids, room: Room, peers: list[str]) -> dict[str, Image]:
    """Return what each way makes of a photo."""
    made = {"ours": clear_room(photo, gone, ids, room).photo}
    return made | {name: PEERS[name](photo, gone.mask) for name in peers}


def say_latest(figures: Figures, what: str, scores: dict[str, list[Score]]) -> None:
    """Print the last score of each way."""
    last = {name: each[-1] for name, each in scores.items()}
    told = (f"{name} {one.psnr:.2f} dB {one.features:.3f}" for name, one in last.items())
    figures.say(f"  {what}: {', '.join(told)}")


def show_scores(figures: Figures, title: str, scores: dict[str, list[Score]]) -> None:
    """Print medians, and ours against each."""
    for name, each in scores.items():
        figures.add(f"{title}.{name}.psnr", float(np.median([one.psnr for one in each])))
        figures.add(f"{title}.{name}.features", float(np.median([one.features for one in each])))
    ours = scores["ours"]
    for name in [name for name in scores if name != "ours"]:
        pairs = list(zip(ours, scores[name], strict=True))
        figures.add(
            f"{title}.psnr_over_{name}", float(np.median([a.psnr - b.psnr for a, b in pairs]))
        )
        ratio = [a.features / b.features for a, b in pairs]
        figures.add(f"{title}.features_to_{name}", float(np.median(ratio)))
        figures.add(f"{title}.wins_features_{name}", float(np.mean([r < 1 for r in ratio])))
        better = [a.psnr > b.psnr and a.features < b.features for a, b in pairs]
        figures.add(f"{title}.wins_{name}", float(np.mean(better)))


def show_pairs(
    figures: Figures, pairs: list[Pair], segment: Segment | None, peers: list[str]
) -> None:
    """Print how near to the empty rooms masks of the truth, or of a segmenter, come."""
    title, features = "true_masks" if segment is None else "own_masks", FeatureDistance()
    scores: dict[str, list[Score]] = {name: [] for name in ("ours", *peers)}
    shares, recalls, beyond = [], [], []
    for pair in pairs:
        truth = true_mask(pair)
        if truth.mean() < LEAST_MASK:
            continue
        if segment is None:
            ids, shadow = (
                pair.classes,
                find_shadows(pair.photo, truth, pair.classes, pair.room).soft,
            )
            mask = truth | dark_rim(pair.photo, truth, ids)
        else:
            ids = refine_mask(segment(pair.photo), pair.photo)
            found = find_removal(pair.photo, ids, LIVING, pair.room)
            mask, shadow = found.mask, found.shadow
            recalls.append(float((mask & pair.movable).sum() / pair.movable.sum()))
            beyond.append(float((mask & ~truth).mean()))
        shares.append(float(mask.mean()))
        made = fills(pair.photo, Gone(mask, shadow), ids, pair.room, peers)
        for name, picture in made.items():
            scores[name].append(score(picture, pair.empty, mask | truth, features))
        say_latest(figures, f"{pair.number:03d}", scores)
    figures.say(f"\n{title}: {len(shares)} pairs, masks {min(shares):.2f}-{max(shares):.2f} "
                f"of the picture, median {np.median(shares):.2f}")  # fmt: skip
    show_scores(figures, title, scores)
    if recalls:
        figures.add("own_masks.movable_found", float(np.median(recalls)))
        figures.add("own_masks.beyond_share", float(np.median(beyond)))


def read_photo(file: Path) -> Image:
    """Return a photo's pixels."""
    return PhotoFile(file.read_bytes(), _MOST_PIXELS).pixels()


def pasted_holes(
    photos: list[Path], segment: Segment, seed: int = 5
) -> Iterator[tuple[Image, Ids, Mask, Room]]:
    """Yield photos with a hole where nothing stands, across the line of floor and wall."""
    from serving.staging.geometry.find import find_room

    rng = np.random.default_rng(seed)
    shapes: list[Mask] = []
    for file in photos:
        photo = read_photo(file)
        ids = segment(photo)
        shapes += _shapes_of(np.isin(ids, _FURNITURE))
        mask = _place_hole(ids, shapes, rng)
        if mask is None:
            continue
        try:
            room = find_room(photo, refine_mask(ids, photo)).room
        except StudioError:
            continue
        size = photo.shape[1], photo.shape[0]
        large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        yield photo, refine_mask(ids, photo), large, room


def _shapes_of(furniture: Mask) -> list[Mask]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(furniture.astype(np.uint8))
    large = [n for n in range(1, count) if stats[n, 4] > 0.03 * furniture.size]
    found = []
    for number in large:
        left, top, width, height = (int(value) for value in stats[number, :4])
        found.append((labels == number)[top : top + height, left : left + width])
    return found


def _place_hole(ids: Ids, shapes: list[Mask], rng: np.random.Generator) -> Mask | None:
    """Return a hole of 10-30 %, cut to floor, wall and ceiling, floor a seventh of it or more."""
    floor, shell = ids == CLASSES.index("floor"), np.isin(ids, _SHELL)
    best, worth = None, 0.0
    for _ in range(_PLACES if shapes else 0):
        shape = shapes[int(rng.integers(len(shapes)))].astype(np.uint8)
        scale = float(rng.uniform(0.6, 1.8))
        size = round(shape.shape[1] * scale), round(shape.shape[0] * scale)
        if min(size) < 8 or size[1] > ids.shape[0] or size[0] > ids.shape[1]:
            continue
        shape = np.asarray(cv2.resize(shape, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        top = int(rng.integers(ids.shape[0] - size[1] + 1))
        left = int(rng.integers(ids.shape[1] - size[0] + 1))
        hole = np.zeros(ids.shape, np.bool_)
        hole[top : top + size[1], left : left + size[0]] = shape > 0
        kept = hole & shell
        if not 0.1 <= kept.mean() <= 0.3 or not 0.14 < floor[kept].mean() < 0.86:
            continue
        found = float(kept.sum() / hole.sum())
        if found > worth:
            best, worth = kept, found
    return best


def show_pasted(figures: Figures, photos: list[Path], segment: Segment, most: int) -> None:
    """Print how near to what was there fills of holes in real photos come."""
    features = FeatureDistance()
    scores: dict[str, list[Score]] = {name: [] for name in ("ours", "telea", "pull_push")}
    shares = []
    for photo, ids, mask, room in pasted_holes(photos, segment):
        blank = photo.copy()
        blank[mask] = 128  # what is under the mask must not help
        shadow = find_shadows(blank, mask, ids, room).soft
        made = fills(blank, Gone(mask, shadow), ids, room, ["telea", "pull_push"])
        for name, picture in made.items():
            scores[name].append(score(picture, photo, mask, features))
        say_latest(figures, f"hole of {mask.mean():.2f}", scores)
        shares.append(float(mask.mean()))
        if len(shares) == most:
            break
    if shares:
        figures.say(
            f"\npasted: {len(shares)} real photos, holes of {min(shares):.2f}-{max(shares):.2f}"
        )
        show_scores(figures, "pasted", scores)


def show_left(figures: Figures, photos: list[Path], segment: Segment, judge: Segment) -> None:
    """Print how much furniture another network sees in cleared photos."""
    from serving.staging.geometry.find import find_room

    before, after = [], []
    for file in photos:
        photo = read_photo(file)
        ids = refine_mask(segment(photo), photo)
        try:
            room = find_room(photo, ids).room
        except StudioError:
            continue
        found = find_removal(photo, ids, LIVING, room)
        if not found.worthwhile:
            continue
        made = clear_room(photo, Gone(found.mask, found.shadow), ids, room)
        for shares, picture in ((before, photo), (after, made.photo)):
            shares.append(float(np.isin(judge(picture), _FURNITURE).mean()))
        figures.say(f"  {file.parent.name}/{file.name}: {before[-1]:.3f} to {after[-1]:.3f}")
    if after:
        figures.say(f"\nleft: {len(after)} real photos")
        figures.add("left.before", float(np.median(before)))
        figures.add("left.after", float(np.median(after)))
        figures.add("left.after_p90", float(np.quantile(after, 0.9)))


def show_cost(figures: Figures, pair: Pair) -> None:
    """Print CPU-s of each step at 1500x1000."""
    size = (1500, 1000)
    photo = np.asarray(cv2.resize(pair.photo, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    ids = np.asarray(cv2.resize(pair.classes, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    room = Room(pair.room.camera.scaled(size[::-1]), pair.room.box)
    least = {"masks": np.inf, "clear": np.inf}
    for _ in range(3):
        marks = [time.process_time()]
        found = find_removal(photo, ids, LIVING, room)
        marks.append(time.process_time())
        clear_room(photo, Gone(found.mask, found.shadow), ids, room)
        marks.append(time.process_time())
        for name, seconds in zip(least, np.diff(marks), strict=True):
            least[name] = min(least[name], float(seconds))
    figures.say(f"\ncost at 1500x1000, {found.mask.mean():.2f} of it cleared")
    for name, seconds in least.items():
        figures.add(f"cost.{name}_cpu_s", seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.add("cost.peak_mb", peak)


PARTS = ("cost", "true_masks", "own_masks", "pasted", "left")


def main() -> None:
    """Judge, and print figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=Path, help="folder of staging_pairs.py")
    parser.add_argument("--peers", nargs="*", default=["telea", "pull_push"], choices=list(PEERS))
    parser.add_argument("--segmenter", type=Path, help="ONNX file that masks are made with")
    parser.add_argument("--judge", type=Path, help="ONNX file that looks for what is left")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="real rooms")
    parser.add_argument("--most", type=int, help="pairs, and holes in photos")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    figures = Figures()
    most = 2 if given.quick else given.most
    pairs = list(read_pairs(given.pairs, most)) if given.pairs else []
    segment = peer(given.segmenter) if given.segmenter else None
    if pairs and "cost" in given.only:
        show_cost(figures, pairs[0])
    if pairs and "true_masks" in given.only:
        show_pairs(figures, pairs, None, given.peers)
    if pairs and segment and "own_masks" in given.only:
        show_pairs(figures, pairs, segment, given.peers)
    if given.photos and segment and "pasted" in given.only:
        show_pasted(figures, given.photos, segment, most or 60)
    if given.photos and segment and given.judge and "left" in given.only:
        show_left(figures, given.photos[:most], segment, peer(given.judge))
    figures.print()


if __name__ == "__main__":
    main()
