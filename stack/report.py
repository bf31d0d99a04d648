"""What the service said of each photo, as one HTML file with the pictures inside."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from PIL import Image, ImageOps, UnidentifiedImageError

_WIDTH = 640


def write_report(
    page: Path, folder: Path, files: Sequence[Path], results: Sequence[dict[str, Any]]
) -> Path:
    """Write the page and return where it is, absolute."""
    cards = [
        {"name": str(file.relative_to(folder)), "picture": to_data_url(file), **result}
        for file, result in zip(files, results, strict=True)
    ]
    good = [result for result in results if "error" not in result]
    template = Environment(loader=PackageLoader("stack", "."), autoescape=True).get_template(
        "report.html.j2"
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(
        template.render(
            title=folder.resolve().name,
            cards=cards,
            rooms=Counter(result["room_type"] for result in good).most_common(),
            unsure=sum(not result["confident"] for result in good),
            failed=len(results) - len(good),
            model=good[0]["model"] if good else None,
            demo=any(result["demo"] for result in good),
        )
    )
    return page.resolve()


def to_data_url(file: Path) -> str | None:
    """Return a photo as a small JPEG inside a URL; None if it cannot be shown."""
    try:
        with Image.open(file) as photo:
            photo.draft("RGB", (_WIDTH, _WIDTH))
            upright = ImageOps.exif_transpose(photo).convert("RGB")
            upright.thumbnail((_WIDTH, _WIDTH))
            small = io.BytesIO()
            upright.save(small, "JPEG", quality=82)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, ValueError):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
