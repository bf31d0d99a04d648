"""A page as a picture for the documents: `page_picture.py PAGE.html OUT.webp`, with Chromium."""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

_MOST_BYTES = 200_000
_QUALITIES = (90, 80, 70, 60, 50)


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=1500, help="from its top; less if it ends")
    arguments = parser.parse_args()
    picture = shoot(arguments.page, arguments.width, arguments.height)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    data = encode(picture)
    arguments.out.write_bytes(data)
    print(f"{arguments.out}: {picture.width}x{picture.height}, {len(data):,} bytes")
    return 0 if len(data) <= _MOST_BYTES else 1


def shoot(page: Path, width: int, height: int) -> Image.Image:
    """Return what a browser shows of a page, without the empty part below its end."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("chromium is needed")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page.png"
        flags = "--headless=new --no-sandbox --disable-gpu --hide-scrollbars"
        command = [program, *flags.split(), f"--user-data-dir={folder}/profile"]
        command += [
            f"--window-size={width},{height}",
            f"--screenshot={out}",
            page.resolve().as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(out) as found:
            return crop(found.convert("RGB"))


def crop(picture: Image.Image) -> Image.Image:
    """Cut off the rows at the bottom that are all of one colour, but a margin."""
    rows = picture.resize((64, picture.height))
    background = rows.getpixel((0, picture.height - 1))
    last = picture.height - 1
    while last > 0 and all(rows.getpixel((x, last)) == background for x in range(64)):
        last -= 1
    return picture.crop((0, 0, picture.width, min(picture.height, last + 32)))


def encode(picture: Image.Image) -> bytes:
    """Return WebP, as good as it gets below the most bytes that a picture of the documents has."""
    data = b""
    for quality in _QUALITIES:
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=quality, method=6)
        data = file.getvalue()
        if len(data) <= _MOST_BYTES:
            break
    return data


if __name__ == "__main__":
    sys.exit(main())
