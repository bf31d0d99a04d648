"""The one place where our errors become HTTP (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from serving.errors import (
    BadInput,
    ListingError,
    ModelUnavailable,
    NotAllowed,
    ObjectNotFound,
    TooLarge,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS: Mapping[type[ListingError], int] = {
    TooLarge: 413,
    ObjectNotFound: 404,
    BadInput: 422,
    NotAllowed: 401,
    ModelUnavailable: 503,
}
_HEADERS = {401: {"WWW-Authenticate": "X-API-Key"}, 503: {"Retry-After": "5"}}
_EXAMPLE = {
    "type": "about:blank",
    "title": "BadImage",
    "status": 422,
    "detail": "the JPEG is damaged or cut short: image file is truncated",
}


def problem_of(error: ListingError) -> dict[str, str | int]:
    """Return the problem's members; what is ours to mend keeps its detail to the log."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    detail = str(error) if status != 500 else "the model broke on this photo; it was logged"
    return {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": status,
        "detail": detail,
    }


def answer_problem(status: int, title: str, detail: str) -> JSONResponse:
    """Return a problem as a response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, _HEADERS.get(status), MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` as application/problem+json."""

    @app.exception_handler(ListingError)
    async def _ours(request: Request, error: ListingError) -> JSONResponse:
        problem = problem_of(error)
        if problem["status"] == 500:
            log.error("%s %s: %s", request.method, request.url.path, error)
        return answer_problem(int(problem["status"]), str(problem["title"]), str(problem["detail"]))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer_problem(422, "BadInput", describe_validation(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return answer_problem(error.status_code, HTTPStatus(error.status_code).phrase, error.detail)


def describe_validation(errors: object) -> str:
    """Say in one line what pydantic found wrong."""
    items = errors if isinstance(errors, list | tuple) else ()
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'body'}: {item['msg']}" for item in items
    )


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return FastAPI's `responses` for these problems."""
    content = {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _EXAMPLE}
    }
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }
