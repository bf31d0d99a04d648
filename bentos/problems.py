"""The one place where our errors become HTTP (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from serving.errors import BadInput, Busy, ListingError, first_line
from serving.problems import problem_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_HEADERS: Mapping[int, dict[str, str]] = {
    401: {"WWW-Authenticate": "X-API-Key"},
    503: {"Retry-After": "5"},
}
_EXAMPLE = {
    "type": "about:blank",
    "title": "BadImage",
    "status": 422,
    "detail": "the JPEG is damaged or cut short: image file is truncated",
}


def answer_problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a problem as a response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, _HEADERS.get(status, {}) | dict(headers or {}), MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` as application/problem+json."""

    @app.exception_handler(ListingError)
    async def _ours(request: Request, error: ListingError) -> JSONResponse:
        problem = problem_of(error)
        if problem.status == 500:
            log.error("%s %s: %s", request.method, request.url.path, error)
        later = {"Retry-After": f"{error.retry_after_s:.0f}"} if isinstance(error, Busy) else None
        return answer_problem(problem.status, problem.title, problem.detail, later)

    @app.exception_handler(OperationalError)
    async def _database(request: Request, error: OperationalError) -> JSONResponse:
        log.error("%s %s: %s", request.method, request.url.path, first_line(error))
        detail = "the database does not answer; nothing was accepted"
        return answer_problem(503, "DatabaseUnavailable", detail)

    @app.exception_handler(DataError)
    async def _data(request: Request, error: DataError) -> JSONResponse:
        log.warning("%s %s: %s", request.method, request.url.path, first_line(error))
        detail = "a text holds a NUL character, or a number or time is out of all range"
        return answer_problem(422, "BadInput", detail)

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
