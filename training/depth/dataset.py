"""The dataset `depth`: views of drawn rooms, each with the true depth of all its pixels."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.errors import BadInput
from synthetic.catalogue import PROPERTIES, Catalogue, read_catalogue
from synthetic.raycast.rooms import DrawnScene, write_views
from training.data.dataset_files import count_examples
from training.data.drawn import Complaint, DrawnDataset
from training.data.frozen import FrozenTest, read_frozen
from training.data.manifest import read_yaml
from training.depth.manifest import RoomExpectations, RoomManifest
from training.depth.truth import read_truth

_ROOMS = "rooms"
_BLOCKS = (4, 3)  # columns and rows of what a view is known by
_STEP = 0.25  # of the logarithm of depth: processors round rays differently in the last bits


@dataclass(frozen=True)
class DepthDataset(DrawnDataset):
    """What `training.recipe.Dataset` asks for, of views that are drawn."""

    folder: Path
    manifest: RoomManifest
    expectations: RoomExpectations
    frozen: FrozenTest

    unit = "views"

    @property
    def rules(self) -> str:
        """What is expected of its views, as text."""
        expected = self.expectations.model_dump_json() + self.manifest.model_dump_json()
        return f"{self.frozen.digest} {expected}"

    def count(self, data: str | None) -> pd.DataFrame:
        """Return how many views are drawn, by source and label."""
        del data
        drawn = (
            (source, scene.kind) for source, _, scene in self._scenes() for _ in range(scene.views)
        )
        return count_examples(drawn, self.unit)

    def build(self, data: str | None, cache: Path) -> pd.DataFrame:
        """Draw every view that is not in `cache` yet and return the table of what they are.

        Raises
        ------
        BadInput
            If the library of furniture is not below STUDIO_DATA, or the package that casts rays is
            not installed.
        """
        catalogue, folder = self._furniture(data), cache / _ROOMS
        rows = []
        for source, split, scene in self._scenes():
            try:
                write_views(scene, catalogue, folder)
            except ImportError as error:  # embreex is of the extras `train` and `synthetic`
                said = "rooms are drawn with the package embreex"
                raise BadInput(f"{said}: {error}") from error
            places = range(scene.views)
            rows += [describe(folder, scene, place, source, split) for place in places]
        return pd.DataFrame(rows)

    def complaints(self, table: pd.DataFrame) -> Iterator[Complaint]:
        """Yield each expectation of a table that is not met."""
        rules = self.expectations.views
        yield from self.too_few(table, rules.enough)
        yield from self.copies(table, rules.no_exact_copy)
        yield from self.out_of_range(table, "nearest_m", rules.nearest_m)
        yield from self.out_of_range(table, "median_m", rules.median_m)
        yield from self.out_of_range(table, "brightness", rules.brightness)
        yield from self.missing_frozen(table, self.expectations.frozen_test)

    def _scenes(self) -> Iterator[tuple[str, str, DrawnScene]]:
        for source in self.manifest.sources:
            for scene in source.scenes():
                yield source.name, source.split, scene

    def _furniture(self, data: str | None) -> Catalogue:
        folder = Path(data or "/nowhere").expanduser() / self.manifest.furniture
        if not (folder / PROPERTIES).is_file():
            raise BadInput(f"there is no library of furniture in '{folder}'; set STUDIO_DATA")
        return read_catalogue(folder)


def open_depth(folder: Path) -> DepthDataset:
    """Read the folder of a dataset of drawn rooms, such as `datasets/depth`.

    Raises
    ------
    BadInput
        If one of its files is missing or wrong; the message names file and field.
    """
    return DepthDataset(
        folder,
        read_yaml(folder / "manifest.yaml", RoomManifest),
        read_yaml(folder / "expectations.yaml", RoomExpectations),
        read_frozen(folder, near_radius=0, columns=("sha256", "label", "source", "listing")),
    )


def describe(folder: Path, scene: DrawnScene, view: int, source: str, split: str) -> dict[str, Any]:
    """Return a view's row of the table."""
    file = folder / f"{scene.name(view)}.jpg"
    truth = read_truth(file)
    photo = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    return {
        "uri": file.absolute().as_uri(),
        "sha256": fingerprint(scene.name(view), truth.depth_m),
        "label": scene.kind,
        "source": source,
        "listing": f"{scene.part}/{scene.number}",
        "split": split,
        "split_note": None,
        "nearest_m": float(np.quantile(truth.depth_m, 0.01)),
        "median_m": float(np.median(truth.depth_m)),
        "brightness": 0.0 if photo is None else float(photo.mean()),
    }


def fingerprint(name: str, depth_m: NDArray[np.float32]) -> str:
    """Return a digest of a view's name and of the depth of its parts to a quarter.

    Not of its pixels: processors round differently, and a ray along an edge may miss it.
    """
    small = cv2.resize(depth_m, _BLOCKS, interpolation=cv2.INTER_AREA)
    steps = np.rint(np.log(np.asarray(small).clip(0.1)) / _STEP).astype(int)
    return hashlib.sha256(f"{name} {steps.tolist()}".encode()).hexdigest()
