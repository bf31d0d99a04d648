"""The backend's HTTP API as one FastAPI app; who mounts it sets `app.state.doors`."""

from fastapi import FastAPI

from bentos.gateway import jobs, page, photos, pictures, status
from bentos.problems import install_problems

_ABOUT = """Media service for real-estate platforms.

Every path below `/internal` wants your key in the header `X-API-Key`. Errors are
`application/problem+json` (RFC 9457)."""


def create_app(release: str) -> FastAPI:
    """Return the app with its routes, errors and documentation."""
    app = FastAPI(
        title="Virtual Listing Studio", version=release, description=_ABOUT, redoc_url=None
    )
    install_problems(app)
    app.include_router(photos.router)
    app.include_router(jobs.router)
    app.include_router(page.router)
    app.include_router(pictures.router)
    app.include_router(status.router)
    return app
