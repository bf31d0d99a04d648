"""The backend's HTTP API as one FastAPI app; who mounts it sets `app.state.gateway`."""

from functools import partial

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from bentos.gateway import (
    analysis,
    crops,
    docs,
    enhancement,
    erasures,
    feedback,
    files,
    jobs,
    kits,
    media,
    metrics,
    page,
    photos,
    pictures,
    rollback,
    staging,
    status,
    tus,
    uploads,
    webhooks,
)
from bentos.gateway.body_files import CHECKSUMS
from bentos.gateway.callbacks import add_callbacks
from bentos.gateway.direct_routes import DirectRoutes
from bentos.gateway.document import describe, operation_id
from bentos.gateway.http_rules import HttpRules
from bentos.gateway.middleware import REQUEST_ID, GatewayMiddleware
from bentos.gateway.model_versions import HEADER as MODEL_VERSIONS
from bentos.gateway.tus import TUS_SEEN, TUS_SENT
from bentos.problems import install_problems
from serving.settings import Settings

_ABOUT = """Media service for real-estate platforms.

Every path below `/internal` wants your key in the header `X-API-Key`. Errors are
`application/problem+json` (RFC 9457)."""


# what a script of an allowed origin may send and see, beside what every browser allows
_SENT = [
    *("X-API-Key", "Authorization", "Content-Type", "Idempotency-Key", "X-Listing-Id", REQUEST_ID),
    *("Last-Event-ID", "If-Match", "If-None-Match", "If-Range", "Range"),
    *("traceparent", "tracestate"),
    *CHECKSUMS,
    *TUS_SENT,
]
_SEEN = [
    *(REQUEST_ID, "Location", "Retry-After", "Idempotency-Replayed", "RateLimit"),
    *("RateLimit-Policy", "ETag", "Content-Range", "Content-Length", "Accept-Ranges"),
    MODEL_VERSIONS,
    enhancement.TOLD,
    *TUS_SEEN,
]
# a smaller answer fits one packet as it is; the level is where time begins to cost more than bytes
_COMPRESSED_FROM_BYTES, _COMPRESSION = 1400, 5

_DIRECT = {("POST", "/internal/photos/classify"): photos.classify_photos}


def create_app(release: str, settings: Settings | None = None) -> FastAPI:
    """Return the app with its routes, errors and documentation."""
    settings = settings or Settings()
    app = FastAPI(
        title="Virtual Listing Studio",
        version=release,
        description=_ABOUT,
        openapi_url=None,  # ours is a route like any other
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    add_callbacks(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    install_problems(app)
    app.include_router(photos.router)
    app.include_router(analysis.router)
    app.include_router(enhancement.router)
    app.include_router(crops.router)
    app.include_router(staging.router)
    app.include_router(kits.router)
    app.include_router(jobs.router)
    app.include_router(media.router)
    app.include_router(page.router)
    app.include_router(files.router)
    app.include_router(pictures.router)
    app.include_router(status.router)
    app.include_router(metrics.router)
    app.include_router(webhooks.router)
    app.include_router(rollback.router)
    app.include_router(tus.router)
    app.include_router(uploads.router)
    app.include_router(erasures.router)
    app.include_router(feedback.router)
    app.include_router(docs.router)
    app.add_middleware(  # the first added is the innermost
        GZipMiddleware, minimum_size=_COMPRESSED_FROM_BYTES, compresslevel=_COMPRESSION
    )
    app.add_middleware(DirectRoutes, routes=_DIRECT)  # their answers are too small to compress
    app.add_middleware(HttpRules)
    app.add_middleware(GatewayMiddleware, settings=settings)
    if settings.cors_origins:  # the last added is the outermost: browsers hide other answers
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_SENT,
            expose_headers=_SEEN,
        )
    return app
