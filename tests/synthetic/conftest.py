import os
from pathlib import Path

import pytest

from synthetic.catalogue import Catalogue, Model, read_catalogue

# What the rooms ask for, in sizes like the real models' (width, height, depth).
SIZES = {
    "sofa2": (1.5, 0.7, 0.85),
    "winchesterSofa": (2.2, 0.8, 0.9),
    "couch2": (2.5, 0.75, 1.5),
    "modernArmchair": (0.85, 0.8, 0.9),
    "winchesterArmchair": (1.1, 0.8, 0.9),
    "osakaChair": (0.5, 0.78, 0.5),
    "chairWithCushion": (0.45, 0.9, 0.5),
    "thonet": (0.55, 0.75, 0.55),
    "table": (2.4, 0.75, 0.9),
    "bedWithTexture": (1.98, 0.77, 2.26),
    "bedsideTable2": (0.49, 0.45, 0.48),
    "plant": (0.9, 1.3, 0.9),
    "decorativePlant": (0.6, 1.2, 0.6),
    "augalas": (0.5, 0.3, 0.4),
    "orchids": (0.25, 0.5, 0.2),
    "toiletsUnit": (0.36, 0.77, 0.69),
    "coffeeBrewer": (0.2, 0.3, 0.35),
    "bread": (0.3, 0.1, 0.2),
}


@pytest.fixture
def catalogue() -> Catalogue:
    """A library without files: enough to design rooms, not to render them."""
    return {
        name: Model(name, name, size, Path(name), "nobody", "CC0") for name, size in SIZES.items()
    }


@pytest.fixture
def furniture() -> Catalogue:
    """The shared furniture, or a skip."""
    root = os.environ.get("STUDIO_DATA")
    folder = Path(root or "") / "furniture"
    if root is None or not folder.is_dir():
        pytest.skip("STUDIO_DATA has no furniture folder")
    return read_catalogue(folder)
