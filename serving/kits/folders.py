"""A kit's files in a folder, as what builds furniture reads them."""

import contextlib
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

from serving.kits.release import MESHES, TEXTURES
from serving.kits.store import KitStore, StoredKit
from serving.storage.disk import disk_errors

_KEPT = 32  # of kits; one takes some megabytes


class KitFolders:
    """Folders of kits, made when they are first needed; safe to share between processes.

    Parameters
    ----------
    root : on a disk with room for some kits; what lies there can be made again
    release : the folder of the kits that come with the studio
    """

    def __init__(self, store: KitStore, root: Path, release: Path) -> None:
        self._store, self._root, self._release = store, root, release

    def folder_of(self, stored: StoredKit) -> Path:
        """Return the folder with `meshes/NAME.npz` and `textures/NAME.jpg` of a kit.

        Raises
        ------
        StorageFull, StorageUnavailable, Corrupted
        """
        if stored.built_in:
            return self._release
        folder = self._root / stored.sha256
        if not folder.is_dir():
            with disk_errors("a design kit"):
                self._make(stored, folder)
        with contextlib.suppress(OSError):
            os.utime(folder)
        self._remove_old()
        return folder

    def _make(self, stored: StoredKit, folder: Path) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        making = Path(mkdtemp(prefix=".making-", dir=self._root))
        try:
            for place in (MESHES, TEXTURES):
                (making / place).mkdir()
            for name, asset in stored.assets.items():
                mesh = asset.kind == "mesh"
                place = f"{MESHES}/{name}.npz" if mesh else f"{TEXTURES}/{name}.jpg"
                (making / place).write_bytes(self._store.read_asset(stored, name))
            with contextlib.suppress(OSError):  # another process was faster
                making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _remove_old(self) -> None:
        kits = [path for path in self._root.iterdir() if not path.name.startswith(".")]
        for path in sorted(kits, key=lambda kit: kit.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(path, ignore_errors=True)
