"""Rooms drawn by rays: what is true of every pixel is known, sinks, baths and stoves among it."""

import hashlib
from pathlib import Path

from tqdm import tqdm

from serving.environment import read, read_settings
from serving.errors import BadInput
from synthetic.catalogue import PROPERTIES, Catalogue, read_catalogue
from synthetic.raycast.rooms import DrawnScene, write_views
from training.data.settings import DataSettings

_FURNITURE = "furniture"  # below STUDIO_DATA


def draw_rooms(count: int) -> list[Path]:
    """Return the photos of that many scenes; they are drawn once and kept in STUDIO_HOME.

    Without a library of furniture below STUDIO_DATA, rooms hold what is built from boards.

    Raises
    ------
    BadInput
        If the package that casts rays is not installed.
    """
    catalogue = _catalogue()
    named = hashlib.sha256(" ".join(sorted(catalogue)).encode()).hexdigest()[:8]
    folder = read_settings().home() / "drawn_rooms" / named
    scenes = [DrawnScene("learned", number) for number in range(count)]
    try:
        for scene in tqdm(scenes, desc="rooms drawn", unit="scene", mininterval=5):
            write_views(scene, catalogue, folder)
    except ImportError as error:  # embreex is of the extras `train` and `synthetic`
        raise BadInput(f"rooms are drawn with the package embreex: {error}") from error
    return [folder / f"{scene.name(view)}.jpg" for scene in scenes for view in range(scene.views)]


def _catalogue() -> Catalogue:
    folder = Path(read(DataSettings).studio_data or "/nowhere").expanduser() / _FURNITURE
    return read_catalogue(folder) if (folder / PROPERTIES).is_file() else {}
