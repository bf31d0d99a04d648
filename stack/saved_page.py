"""A job's page as one HTML file that opens anywhere, with its pictures inside."""

import base64
import html
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx

_POINTERS = re.compile(r' (src|href|data-events)="(?!#|data:)([^"]*)"')


def save_page(client: httpx.Client, address: str, file: Path) -> Path:
    """Write the page at `address` to `file` and return where it is, absolute.

    Pictures are put inside; what would lead back to the studio, which may be gone, leads nowhere.
    """

    def inside(pointer: re.Match[str]) -> str:
        if pointer[1] != "src":
            return ""
        picture = client.get(urljoin(address, html.unescape(pointer[2])))
        if not picture.is_success:
            return ""
        kind = picture.headers["content-type"]
        return f' src="data:{kind};base64,{base64.b64encode(picture.content).decode()}"'

    page = client.get(address).raise_for_status().text
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_POINTERS.sub(inside, page))
    return file.resolve()
