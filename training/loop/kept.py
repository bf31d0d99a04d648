"""Arrays that cost much to make and are asked for in every pass: a file of each, in a folder."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class KeptArrays:
    """Arrays by name.

    What was kept stays true to itself: a file appears whole or not at all, and several processes
    may keep the same one.

    Parameters
    ----------
    folder : made if it is missing
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def recall(self, name: str) -> NDArray[Any] | None:
        """Return an array that was kept; None if there is none."""
        try:
            kept: NDArray[Any] = np.load(self._file(name))
        except FileNotFoundError:
            return None
        return kept

    def keep(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array; one of that name is replaced."""
        file = self._file(name)
        writing = file.with_suffix(f".{os.getpid()}")
        with writing.open("wb") as out:
            np.save(out, array)
        writing.replace(file)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.npy"
