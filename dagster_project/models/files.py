"""Files that runs leave behind."""

import shutil
from pathlib import Path


def keep_newest(folder: Path, count: int = 10) -> None:
    """Remove what a folder holds but the newest: each run adds one, and they must not add up."""
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[count:]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
