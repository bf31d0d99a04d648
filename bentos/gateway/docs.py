"""`GET /docs` and `/openapi.json`: the API to read, to try and to make clients of.

The page's files are installed with us, and the document is put into bytes once: making it takes
longer than most requests, and anybody may ask for it.
"""

import json
import secrets
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import HTMLResponse, Response

from bentos.gateway.middleware import page_policy

router = APIRouter(include_in_schema=False)

# the package brings Swagger UI's files and keeps them new; nothing else of it is used
_FILES = files("fastapi_swagger") / "resources"
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_CACHED = {"Cache-Control": "public, max-age=86400"}
# addresses are relative: the gateway may lie below a path of its proxy's
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script nonce="{nonce}">
SwaggerUIBundle({{
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
}});
</script>
</body>
</html>
"""


@router.get("/openapi.json")
async def show_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(_document(request.app), media_type="application/json")


@cache
def _document(app: FastAPI) -> bytes:
    return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()


@router.get("/docs")
async def show_docs(request: Request) -> HTMLResponse:
    """Show every endpoint with its shapes; a key entered there tries them."""
    nonce = secrets.token_urlsafe(16)
    page = _PAGE.format(title=request.app.title, nonce=nonce)
    return HTMLResponse(page, headers={"Content-Security-Policy": docs_policy(nonce)})


@router.get("/docs/{name}")
async def show_docs_file(name: str) -> Response:
    """Return one of the page's files."""
    if name not in _TYPES:
        raise HTTPException(404, f"the documentation has no file '{name}'")
    return Response((_FILES / name).read_bytes(), 200, _CACHED, _TYPES[name])


def docs_policy(nonce: str) -> str:
    """Return the page's Content-Security-Policy: its files, its one script, styles of its own."""
    return page_policy(nonce).replace(f"'nonce-{nonce}'", f"'self' 'nonce-{nonce}'")
