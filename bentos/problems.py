"""The one place where our errors become HTTP (RFC 9457)."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from serving import metrics
from serving.db.faults import UNAVAILABLE
from serving.errors import BadInput, Busy, StudioError, TooLarge, first_line
from serving.problems import problem_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_HEADERS: Mapping[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "X-API-Key, Bearer"},
    503: {"Retry-After": "5"},
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REFUSALS = (408, 429, 503, 504)
_EXAMPLE = {
    "type": "about:blank",
    "title": "BadImage",
    "status": 422,
    "detail": "the JPEG is damaged or cut short: image file is truncated",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served, where there is no request yet to answer."""

    status: int
    title: str
    detail: str
    retry_after_s: int | None = None


def answer_problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a problem as a response."""
    count_refusal(status, title)
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, _HEADERS.get(status, {}) | dict(headers or {}), MEDIA_TYPE)


def count_refusal(status: int, title: str) -> None:
    """Count a request that is not served now, though nothing may be wrong with it."""
    if status in _REFUSALS:
        metrics.REFUSED.labels(title).inc()


def raw_problem(refusal: Refusal, headers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Return a problem as the bytes of an HTTP/1.1 response that ends its connection."""
    metrics.REFUSED.labels(refusal.title).inc()
    body = json.dumps(
        {
            "type": "about:blank",
            "title": refusal.title,
            "status": refusal.status,
            "detail": refusal.detail,
        }
    ).encode()
    fields = [
        *headers,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"x-request-id", uuid4().hex.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    if refusal.retry_after_s is not None:
        fields.append((b"retry-after", str(refusal.retry_after_s).encode()))
    phrase = HTTPStatus(refusal.status).phrase
    lines = [f"HTTP/1.1 {refusal.status} {phrase}".encode()]
    lines += [name + b": " + value for name, value in fields]
    return b"\r\n".join([*lines, b"", body])


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` as application/problem+json."""
    app.add_exception_handler(HTTPException, _answer_http)

    @app.exception_handler(StudioError)
    async def _ours(request: Request, error: StudioError) -> JSONResponse:
        problem = problem_of(error)
        if problem.status == 500:
            log.error("%s %s: %s", request.method, request.url.path, error)
        later = {"Retry-After": f"{error.retry_after_s:.0f}"} if isinstance(error, Busy) else None
        return answer_problem(problem.status, problem.title, problem.detail, later)

    async def _database(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s: %s", request.method, request.url.path, first_line(error))
        detail = "the database does not answer, or cannot write now; repeat the request"
        return answer_problem(503, "DatabaseUnavailable", detail)

    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _database)

    @app.exception_handler(DataError)
    async def _data(request: Request, error: DataError) -> JSONResponse:
        log.warning("%s %s: %s", request.method, request.url.path, first_line(error))
        detail = "a text holds a NUL character, or a number or time is out of all range"
        return answer_problem(422, "BadInput", detail)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer_problem(422, "BadInput", describe_validation(error.errors()))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 204:  # nothing to say, and nothing wrong
        return Response(status_code=204, headers=error.headers)
    status, headers = error.status_code, dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return answer_problem(status, _title_of(status), error.detail, headers)


def allowed_methods(request: Request) -> list[str]:
    """Return the methods that a request's path has routes for, as `Allow` names them.

    Starlette names those of the first route alone, and a path often has one route per method.
    """
    routes = request.app.router.routes
    found = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
    return ["GET", "HEAD", *found[1:]] if "GET" in found else found


def _title_of(status: int) -> str:
    # whichever layer finds that something is too large, it is called the same
    return TooLarge.__name__ if status == 413 else HTTPStatus(status).phrase


def describe_validation(errors: object) -> str:
    """Say in one line what pydantic found wrong."""
    items = errors if isinstance(errors, list | tuple) else ()
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'body'}: {item['msg']}" for item in items
    )


Model = TypeVar("Model", bound=BaseModel)


def parse_body(model: type[Model], body: bytes) -> Model:
    """Return a JSON body as the schema has it; BadInput says what is wrong with it."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(describe_validation(error.errors())) from error


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return FastAPI's `responses` for these problems."""
    content = {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _EXAMPLE}
    }
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }
