"""How right are depths? On drawn rooms whose furniture no training saw, beside FastDepth.

`drawn`: views of the frozen test set (`datasets/depth`), drawn into `--rooms` where they are not.
`traced`: rooms of another renderer, with other cameras, as `python -m synthetic rooms` writes them
below `--traced`. Scale is aligned per view (its median quotient with the truth), of networks that
say an inverse depth scale and shift. `abs_rel`, `delta1`, and `flatness`: median deviation of
pixels of walls, floors and ceilings from their planes. `cost`: CPU-ms of a photo of 1600x1200.

`--sheet` writes photos (`--photos`, a folder) with their depth. Needs STUDIO_DATA.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
from figures import Figures, parse
from numpy.typing import NDArray

from serving.card import FramedInput, Map, ModelCard
from serving.image import Image, PhotoFile
from serving.image.writing import encode_photo
from serving.models.session import OnnxSession
from serving.perception.depth import DEPTH, METRES, nearness_of, values_of
from serving.task import is_batched
from training.data.settings import DataSettings
from training.depth.dataset import open_depth
from training.depth.samples import file_of
from training.depth.scores import Score, score
from training.depth.truth import FARTHEST_M, Truth, read_truth

ROOT = Path(__file__).resolve().parents[1]
STARTER = ROOT / "registry/starter/depth"
Say = Callable[[PhotoFile], NDArray[np.float32]]
_FASTDEPTH_M = 0.0717  # metres of a step of its output
_MOST = 10**8


class Network:
    """A network behind its card."""

    def __init__(self, model: bytes, card: ModelCard) -> None:
        self.card, self.megabytes = card, len(model) / 1e6
        self._session, self._batched = OnnxSession(model), is_batched(card)

    def outputs(self, source: PhotoFile) -> dict[str, NDArray[np.generic]]:
        """Return what it says of a photo, without the batch."""
        taken = DEPTH.prepare(source, self.card)
        given = self._session({n: a[None] if self._batched else a for n, a in taken.items()})
        return {name: array[0] for name, array in given.items()}

    def metres(self, source: PhotoFile) -> NDArray[np.float32]:
        """Return its map, float32 (height, width)."""
        return values_of(self.outputs(source), self.card)


def open_ours(folder: Path) -> Network:
    """Return the model of a folder with `model.onnx` and `card.json`."""
    card = ModelCard.model_validate_json((folder / "card.json").read_bytes())
    return Network((folder / "model.onnx").read_bytes(), card)


def open_fastdepth(file: Path) -> Network:
    """Return FastDepth: D. Wofk et al., "FastDepth", ICRA 2019; a peer, never served."""
    model = file.read_bytes()
    name = onnx.load_from_string(model).graph.input[0].name
    taken = FramedInput(name=name, height=224, width=224, place="squeezed", batched=False)
    card = ModelCard(
        task=DEPTH.name, input=taken, output=Map(unit=METRES), licence="unknown",
        backbone="fastdepth", precision="int8", data_version="outside",
        parameters={"scale": _FASTDEPTH_M},
    )  # fmt: skip
    return Network(model, card)


def traced_views(folder: Path) -> Iterator[tuple[PhotoFile, Truth]]:
    """Yield path-traced rooms and what is true of them; their flat parts by class and normal."""
    from synthetic.scene import CATEGORIES

    shell = [CATEGORIES.index(name) for name in ("wall", "floor", "ceiling")]
    for file in sorted(folder.glob("*/truth.npz")):
        truth = np.load(file)
        normals = truth["normals"]
        straight = np.abs(normals).max(axis=2) > 0.999
        facing = np.abs(normals).argmax(axis=2) * 2 + (normals.sum(axis=2) > 0) + 1
        planes = np.where(np.isin(truth["classes"], shell) & straight, facing, 0)
        metres = np.minimum(truth["depth_m"], FARTHEST_M).astype(np.float32)
        photo = PhotoFile((file.parent / "photo.png").read_bytes(), _MOST)
        yield photo, Truth(metres, planes.astype(np.uint8))


def drawn_views(rooms: Path, most: int | None) -> Iterator[tuple[PhotoFile, Truth]]:
    """Yield the views of the frozen test set."""
    from synthetic.catalogue import read_catalogue
    from synthetic.raycast.rooms import write_views

    dataset = open_depth(ROOT / "datasets/depth")
    data = Path(DataSettings().studio_data or "/nowhere")
    catalogue = read_catalogue(data / dataset.manifest.furniture)
    scenes = [s for one in dataset.manifest.sources if one.split == "test" for s in one.scenes()]
    for scene in scenes[:most]:
        write_views(scene, catalogue, rooms)
        for view in range(scene.views):
            file = rooms / f"{scene.name(view)}.jpg"
            yield PhotoFile(file.read_bytes(), _MOST), read_truth(file_of(file.absolute().as_uri()))


def show(figures: Figures, name: str, scores: list[Score]) -> None:
    """Print the means of a network's scores."""
    for part in ("abs_rel", "delta1"):
        values = np.array([getattr(one, part) for one in scores])
        figures.add(f"{name}.{part}", float(values.mean()))
        figures.add(f"{name}.{part}.median", float(np.median(values)))
    flat = np.array([one.flatness for one in scores])
    figures.add(f"{name}.flatness", float(np.nanmedian(flat)))


def show_cost(figures: Figures, name: str, network: Network) -> None:
    """Print CPU-ms of a photo of 1600x1200: what is asked of it, and its picture for a film."""
    file = sorted((ROOT / "datasets/sample_listing").glob("*.jpg"))[1].read_bytes()
    large = np.asarray(cv2.resize(PhotoFile(file, _MOST).pixels(), (1600, 1200)), np.uint8)
    data, least = encode_photo(large, "jpeg", 90), dict.fromkeys(("answer", "picture"), np.inf)
    for _ in range(8):
        began = time.process_time()
        source = PhotoFile(data, _MOST)
        answer = DEPTH.read(network.outputs(source), network.card, source.size)
        between = time.process_time()
        nearness_of(answer, source.pixels(min_side=1024))
        spent = between - began, time.process_time() - between
        for part, seconds in zip(least, spent, strict=True):
            least[part] = min(least[part], 1e3 * seconds)
    for part, ms in least.items():
        figures.add(f"cost.{name}.{part}_cpu_ms", ms)
    figures.add(f"cost.{name}.mb", network.megabytes)


def draw_sheet(network: Network, photos: list[Path], width: int = 380) -> Image:
    """Return photos, each above how near everything in it is, in rows of four."""
    tiles = []
    for file in photos:
        source = PhotoFile(file.read_bytes(), _MOST)
        answer = DEPTH.read(network.outputs(source), network.card, source.size)
        photo = source.pixels(min_side=width)
        near = cv2.applyColorMap(nearness_of(answer, photo), cv2.COLORMAP_MAGMA)[..., ::-1]
        size = (width, round(width * 3 / 4))
        both = [cv2.resize(np.asarray(one), size, interpolation=cv2.INTER_AREA)
                for one in (photo, near)]  # fmt: skip
        tiles.append(np.vstack(both))
    rows = [np.hstack(tiles[at : at + 4]) for at in range(0, len(tiles) - 3, 4)]
    return np.asarray(np.vstack(rows), np.uint8)


def main() -> None:
    """Judge, and print figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=STARTER, help="folder (the starter)")
    parser.add_argument("--fastdepth", type=Path, help="its ONNX file")
    parser.add_argument("--rooms", type=Path, help="folder that keeps drawn views")
    parser.add_argument("--traced", type=Path, help="folder of `python -m synthetic rooms`")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="of the sheet")
    parser.add_argument("--sheet", type=Path, help="JPEG to write")
    given = parse(__doc__, parser)
    cv2.setNumThreads(1)
    figures, named = Figures(), {"ours": open_ours(given.model)}
    if given.fastdepth:
        named["fastdepth"] = open_fastdepth(given.fastdepth)
    sets: dict[str, list[tuple[PhotoFile, Truth]]] = {}
    if given.rooms:
        sets["drawn"] = list(drawn_views(given.rooms, 4 if given.quick else None))
    if given.traced:
        sets["traced"] = list(traced_views(given.traced))
    for title, views in sets.items():
        figures.say(f"\n{title}: {len(views)} views")
        for name, network in named.items():
            scores = [score(network.metres(photo), truth) for photo, truth in views]
            show(figures, f"{title}.{name}", scores)
    figures.say("\ncost of a photo of 1600x1200")
    for name, network in named.items():
        show_cost(figures, name, network)
    if given.sheet:
        sheet = draw_sheet(named["ours"], given.photos)
        given.sheet.write_bytes(encode_photo(sheet, "jpeg", 82))
    figures.print()


if __name__ == "__main__":
    main()
