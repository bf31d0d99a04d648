"""`GET /internal/jobs/{id}/page`: a job for people, on a phone too."""

import secrets
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader

from bentos.gateway.dependencies import State
from bentos.gateway.formatting import format_duration, format_json, format_time, readable_name
from bentos.gateway.links import Reading
from bentos.gateway.middleware import page_policy
from bentos.gateway.page_view import JobPage, Show
from bentos.problems import count_refusal, describe_validation, documented
from serving.errors import StudioError
from serving.jobs.history import read_history
from serving.problems import problem_of

_pages = Environment(loader=PackageLoader("bentos.gateway", "."), autoescape=True)
_pages.filters |= {
    "readable": readable_name,
    "duration": format_duration,
    "time": format_time,
    "json": format_json,
}


class HtmlErrorRoute(APIRoute):
    """A route whose errors are pages too, for who asks for pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the usual handler, its errors told in HTML to a browser."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await usual(request)
            except (StudioError, RequestValidationError, HTTPException) as error:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                return _problem_page(error)

        return handle


router = APIRouter(prefix="/internal/jobs", tags=["jobs"], route_class=HtmlErrorRoute)


@router.get(
    "/{job_id}/page",
    response_class=HTMLResponse,
    responses=documented(401, 404, 422, 429, 503),
)
async def show_page(
    reader: Reading,
    state: State,
    show: Annotated[Show | None, Query(description="only these photos")] = None,
    start: Annotated[int, Query(ge=0, lt=100_000, description="the first photo shown")] = 0,
) -> HTMLResponse:
    """Show a job to people: its photos with what was found, its history, models and callbacks."""
    history = await state.pools.database.run(
        read_history, state.engine, reader.job_id, reader.client
    )
    page = JobPage(history, reader, show, start)
    return await state.pools.pages.run(render_page, "page.html.j2", 200, page=page)


def _problem_page(error: Exception) -> HTMLResponse:
    if isinstance(error, StudioError):
        problem = problem_of(error)
        count_refusal(problem.status, problem.title)
        return render_page("problem.html.j2", problem.status, detail=problem.detail)
    if isinstance(error, HTTPException):
        return render_page("problem.html.j2", error.status_code, detail=error.detail)
    assert isinstance(error, RequestValidationError)
    return render_page("problem.html.j2", 422, detail=describe_validation(error.errors()))


def render_page(template: str, status: int, **values: object) -> HTMLResponse:
    """Return a page of ours, with the policy that lets its own style and script work."""
    nonce = secrets.token_urlsafe(16)
    title = HTTPStatus(status).phrase
    html = _pages.get_template(template).render(nonce=nonce, status_title=title, **values)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": page_policy(nonce),
        "X-Robots-Tag": "noindex",
    }
    return HTMLResponse(html, status, headers)
